import { UnreadableError } from './unreadable.ts';

/** Pictures that text is recognised in. */
export type ImageFormat = 'png' | 'jpeg' | 'tiff' | 'webp' | 'bmp' | 'gif';

/** A file whose pages are pictures. */
export interface PictureSource {
  readonly format: 'pdf' | ImageFormat;
  /** Belongs to the recogniser from then on. */
  readonly bytes: Uint8Array;
  /** Codes of the languages of its text, such as `eng`. Default: those of the installation. */
  readonly languages?: readonly string[] | undefined;
}

/** A word as it was seen. Its edges are counted from the upper left corner of the page, all in the same unit. */
export interface RecognisedWord {
  readonly text: string;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  /** How sure the recogniser is, from 0 to 100. */
  readonly confidence: number;
  /** Words of the same number stand in one line. */
  readonly line: number;
}

/** What was recognised on a page. */
export interface RecognisedPage {
  readonly words: readonly RecognisedWord[];
  /** Nothing is drawn on it at all. */
  readonly blank: boolean;
}

/** Recognises one file, page by page. */
export interface Recognition {
  /** Recognises a page, counted from 1. @throws UnreadableError */
  readonly page: (number: number) => Promise<RecognisedPage>;
  readonly close: () => Promise<void>;
}

/** Opens a file for recognition (OCR). It costs nothing before the first page is asked for. */
export type Recognise = (source: PictureSource) => Recognition;

/** A recogniser that gives up after so many pages which are not blank, whatever files they come from. */
export function limitRecognition(recognise: Recognise, maxPages: number): Recognise {
  let left = maxPages;
  return (source) => {
    const { page, close } = recognise(source);
    const counted = async (number: number) => {
      const recognised = await page(number);
      if (!recognised.blank) left -= 1;
      if (left >= 0) return recognised;
      const message = `The file has more than ${maxPages} pages without a text layer, on which text has to be recognised.`;
      throw new UnreadableError('too_many_pages', message);
    };
    return { page: counted, close };
  };
}
