import { getResolvedPDFJS } from 'unpdf';
import type { Line, ReadDocument, ReadLimits } from '../document.ts';
import { createPieceBudget, type TakePieces } from '../layout/piece-budget.ts';
import { lazy } from '../lazy.ts';
import { detectTables } from '../layout/aligned-table.ts';
import { UnreadableError } from '../unreadable.ts';
import { cleanText } from '../values/clean.ts';
import { readableText } from '../values/readable.ts';
import { type PlacedText, pageRows, rowsToLines } from './pdf-rows.ts';
import { readingOrder } from './pdf-reading-order.ts';

type PdfDocument = Awaited<
  ReturnType<Awaited<ReturnType<typeof getResolvedPDFJS>>['getDocument']>['promise']
>;

/** The end mark may be followed by a little padding. */
const END_WINDOW = 2048;

/** A PDF with a text layer. `lines` are the visual rows of each page, `text` follows columns of prose. */
export async function readPdf(bytes: Uint8Array, limits: ReadLimits): Promise<ReadDocument> {
  assertWholePdf(bytes);
  const pdf = await openPdf(bytes);
  try {
    if (pdf.numPages > limits.maxPages) {
      throw new UnreadableError(
        'too_many_pages',
        `The PDF has ${pdf.numPages} pages; at most ${limits.maxPages} are allowed.`,
      );
    }
    return await readPages(pdf, createPieceBudget(limits.maxPieces));
  } finally {
    await pdf.loadingTask.destroy();
  }
}

/** Without its end a PDF may still open, with pages missing: half a document must not pass for a whole one. */
function assertWholePdf(bytes: Uint8Array): void {
  const tail = Buffer.from(bytes.subarray(-END_WINDOW)).toString('latin1');
  if (tail.includes('%%EOF')) return;
  throw new UnreadableError('truncated', 'The PDF has no end mark. It was probably cut off on its way.');
}

async function openPdf(bytes: Uint8Array): Promise<PdfDocument> {
  const { getDocument } = await getResolvedPDFJS();
  try {
    // The library takes the bytes for itself; stopAtErrors keeps it from skipping what it cannot read.
    return await getDocument({
      data: bytes,
      stopAtErrors: true,
      disableFontFace: true,
      useSystemFonts: false,
      useWorkerFetch: false,
      verbosity: 0,
    }).promise;
  } catch (cause) {
    throw openingError(cause);
  }
}

function openingError(cause: unknown): UnreadableError {
  if (cause instanceof Error && cause.name === 'PasswordException') {
    return new UnreadableError('encrypted', 'The PDF is protected with a password.', { cause });
  }
  return new UnreadableError('corrupt', 'The PDF is damaged and cannot be opened.', { cause });
}

async function readPages(pdf: PdfDocument, take: TakePieces): Promise<ReadDocument> {
  const lines: Line[] = [];
  const texts: string[] = [];
  for (let number = 1; number <= pdf.numPages; number += 1) {
    const items = await pageItems(pdf, number);
    take(items.length);
    const rows = pageRows(items);
    lines.push(...rowsToLines(rows, number));
    texts.push(readingOrder(rows));
  }
  const text = cleanText(texts.join('\n\n')).trim();
  if (text === '') {
    throw new UnreadableError(
      'no_text',
      'The PDF has no text layer; it is probably a scan, and scans cannot be read yet.',
    );
  }
  const tables = lazy(() => detectTables(lines));
  return {
    kind: 'pdf',
    mediaType: 'application/pdf',
    text,
    pageCount: pdf.numPages,
    lines,
    get tables() {
      return tables();
    },
  };
}

async function pageItems(pdf: PdfDocument, number: number): Promise<PlacedText[]> {
  try {
    const page = await pdf.getPage(number);
    const { transform } = page.getViewport({ scale: 1 });
    const { items } = await page.getTextContent({ includeMarkedContent: false });
    page.cleanup();
    return items.flatMap((item) =>
      'str' in item && item.str.trim() !== '' ? [placeText(item, transform)] : [],
    );
  } catch (cause) {
    throw new UnreadableError('corrupt', `The PDF is damaged: page ${number} cannot be read.`, { cause });
  }
}

interface TextItem {
  readonly str: string;
  readonly transform: readonly number[];
  readonly width: number;
  readonly height: number;
}

/** From the page's own coordinates to those that a reader sees: origin top left, turned pages upright. */
function placeText(
  item: TextItem,
  [a = 1, b = 0, c = 0, d = -1, e = 0, f = 0]: readonly number[],
): PlacedText {
  const [scaleX = 1, skew = 0, , , x = 0, y = 0] = item.transform;
  const left = a * x + c * y + e;
  const size = item.height || Math.hypot(scaleX, skew);
  return { text: readableText(item.str), left, right: left + item.width, top: b * x + d * y + f, size };
}
