import type { RecognisedPage, RecognisedWord } from '../recognition.ts';
import { readableText } from '../values/readable.ts';
import type { PlacedText } from './pdf-rows.ts';

/** A box reaches around what is inked of a word, and letters are set in a size above that. */
const SIZE_OF_HEIGHT = 1.3;
/** Below this a recogniser guesses. */
const LOW_CONFIDENCE = 70;

/** The words of a page as pieces of a page of text, so that the same rules of layout hold for them. */
export function placedWords({ words }: RecognisedPage): PlacedText[] {
  const lines = Map.groupBy(words, ({ line }) => line);
  return [...lines.values()].flatMap((line) => {
    const size = SIZE_OF_HEIGHT * median(line.map(({ top, bottom }) => bottom - top));
    const baseline = median(line.map(({ bottom }) => bottom));
    return line.map((word) => placed(word, baseline, size));
  });
}

function placed({ text, left, right }: RecognisedWord, top: number, size: number): PlacedText {
  return { text: readableText(text), left, right, top, size };
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}

/** How sure the recogniser was, page by page. */
export interface Confidences {
  readonly add: (page: number, recognised: RecognisedPage) => void;
  /** `ocr_pages` and `ocr_confidence`; empty when nothing was recognised. */
  readonly metadata: () => Readonly<Record<string, string>>;
  readonly warnings: () => readonly string[];
}

/** Gathers the confidence of pages: the mean of their words, longer words counting for more. */
export function createConfidences(): Confidences {
  const pages: { readonly page: number; readonly confidence: number }[] = [];
  return {
    add: (page, { words }) => {
      const length = words.reduce((sum, { text }) => sum + text.length, 0);
      if (length === 0) return;
      const sure = words.reduce((sum, { text, confidence }) => sum + text.length * confidence, 0);
      pages.push({ page, confidence: Math.round(sure / length) });
    },
    metadata: () =>
      pages.length === 0
        ? {}
        : {
            ocr_pages: pages.map(({ page }) => page).join(','),
            ocr_confidence: pages.map(({ confidence }) => confidence).join(','),
          },
    warnings: () =>
      pages
        .filter(({ confidence }) => confidence < LOW_CONFIDENCE)
        .map(
          ({ page, confidence }) =>
            `The text of page ${page} was recognised with a confidence of only ${confidence} of 100; parts of it may be wrong.`,
        ),
  };
}
