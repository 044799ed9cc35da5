import type { Line, ReadDocument, ReadLimits } from '../document.ts';
import { detectTables } from '../layout/aligned-table.ts';
import { createPieceBudget } from '../layout/piece-budget.ts';
import { lazy } from '../lazy.ts';
import type { Recognise } from '../recognition.ts';
import { UnreadableError } from '../unreadable.ts';
import { cleanText } from '../values/clean.ts';
import type { ImageHead } from './image-head.ts';
import { assertPages } from './page-limit.ts';
import { pageRows, rowsToLines } from './pdf-rows.ts';
import { readingOrder } from './pdf-reading-order.ts';
import { createConfidences, placedWords } from './recognised-text.ts';

/** How the text of pictures is recognised. */
export interface ImageOptions {
  readonly limits: ReadLimits;
  readonly recognise: Recognise;
  readonly languages?: readonly string[] | undefined;
}

/** A picture: the text that is recognised in it. Only a TIFF has several pages; of moving pictures the first counts. */
export async function readImage(
  bytes: Uint8Array,
  { format, pages }: ImageHead,
  { limits, recognise, languages }: ImageOptions,
): Promise<ReadDocument> {
  assertPages(pages.length, 'pages', limits);
  for (const size of pages) assertPixels(size, limits);
  const take = createPieceBudget(limits.maxPieces);
  const confidences = createConfidences();
  const lines: Line[] = [];
  const texts: string[] = [];
  const recognition = recognise({ format, bytes, languages });
  try {
    for (let number = 1; number <= pages.length; number += 1) {
      const page = await recognition.page(number);
      take(page.words.length);
      confidences.add(number, page);
      const rows = pageRows(placedWords(page));
      lines.push(...rowsToLines(rows, number));
      texts.push(readingOrder(rows));
    }
  } finally {
    await recognition.close();
  }
  const text = cleanText(texts.join('\n\n')).trim();
  if (text === '') throw new UnreadableError('no_text', 'No text was recognised in the picture.');
  const tables = lazy(() => detectTables(lines));
  return {
    kind: format,
    mediaType: `image/${format}`,
    text,
    pageCount: pages.length,
    metadata: confidences.metadata(),
    warnings: confidences.warnings(),
    lines,
    get tables() {
      return tables();
    },
  };
}

function assertPixels(
  { width, height }: { readonly width: number; readonly height: number },
  { maxPixels }: ReadLimits,
): void {
  if (width === 0 || height === 0)
    throw new UnreadableError('corrupt', 'The picture is damaged: it says that it has no size.');
  if (width * height <= maxPixels) return;
  throw new UnreadableError(
    'too_large',
    `The picture has ${width} by ${height} pixels; at most ${maxPixels} pixels are allowed.`,
  );
}
