import { getResolvedPDFJS } from 'unpdf';
import type { FormField, Line, ReadDocument, ReadLimits } from '../document.ts';
import { createPieceBudget, type TakePieces } from '../layout/piece-budget.ts';
import { lazy } from '../lazy.ts';
import { detectTables } from '../layout/aligned-table.ts';
import type { Recognise, Recognition } from '../recognition.ts';
import { UnreadableError } from '../unreadable.ts';
import { cleanText } from '../values/clean.ts';
import { readableText } from '../values/readable.ts';
import { type CharacterMaps, createCharacterMaps } from './pdf-cmaps.ts';
import { type VerticalText, withColumns } from './pdf-columns.ts';
import { createDoubts, type Doubts, quietly } from './pdf-doubts.ts';
import { type PageForm, pageForm } from './pdf-form.ts';
import { type PlacedText, pageRows, rowsToLines } from './pdf-rows.ts';
import { readingOrder } from './pdf-reading-order.ts';
import { type Confidences, createConfidences, placedWords } from './recognised-text.ts';

type PdfDocument = Awaited<
  ReturnType<Awaited<ReturnType<typeof getResolvedPDFJS>>['getDocument']>['promise']
>;

/** Fonts are kept for the whole file, and those that it only names take 3 MB each. */
const FORGET_EVERY_PAGES = 32;
/** Warnings of the library, which are listened to; 0 would be none. */
const WARNINGS = 1;
/** The end mark may be followed by a little padding. */
const END_WINDOW = 2048;

/** How text is recognised on pages that have none of their own; without a recogniser they count as blank. */
interface RecognitionOptions {
  readonly recognise?: Recognise | undefined;
  readonly languages?: readonly string[] | undefined;
}

/** A PDF by its text layer, and by recognition where a page has none. `lines` are the visual rows of each page, `text` follows columns of prose. */
export async function readPdf(
  bytes: Uint8Array,
  limits: ReadLimits,
  recognition: RecognitionOptions = {},
): Promise<ReadDocument> {
  assertWholePdf(bytes);
  return quietly(() => readWhole(bytes, limits, recognition));
}

async function readWhole(
  bytes: Uint8Array,
  limits: ReadLimits,
  recognition: RecognitionOptions,
): Promise<ReadDocument> {
  const maps = createCharacterMaps();
  const pdf = await openPdf(bytes, maps);
  const scans = createScans(pdf, recognition);
  try {
    if (pdf.numPages > limits.maxPages) {
      throw new UnreadableError(
        'too_many_pages',
        `The PDF has ${pdf.numPages} pages; at most ${limits.maxPages} are allowed.`,
      );
    }
    const forget = async (page: number) => {
      if (maps.asked() && page % FORGET_EVERY_PAGES === 0) await pdf.cleanup();
    };
    return await readPages(pdf, createPieceBudget(limits.maxPieces), { scans, forget });
  } finally {
    await scans.close();
    await pdf.loadingTask.destroy();
  }
}

/** Recognises pages that have no text layer. */
interface Scans {
  readonly confidences: Confidences;
  readonly items: (page: number) => Promise<PlacedText[]>;
  readonly close: () => Promise<void>;
}

/** The recogniser opens its own copy of the file, and only once there is a page for it. */
function createScans(pdf: PdfDocument, { recognise, languages }: RecognitionOptions): Scans {
  const confidences = createConfidences();
  let opened: Recognition | undefined;
  return {
    confidences,
    items: async (number) => {
      if (recognise === undefined) return [];
      opened ??= recognise({ format: 'pdf', bytes: await pdf.getData(), languages });
      const page = await opened.page(number);
      confidences.add(number, page);
      return placedWords(page);
    },
    close: async () => opened?.close(),
  };
}

/** Without its end a PDF may still open, with pages missing: half a document must not pass for a whole one. */
function assertWholePdf(bytes: Uint8Array): void {
  const tail = Buffer.from(bytes.subarray(-END_WINDOW)).toString('latin1');
  if (tail.includes('%%EOF')) return;
  throw new UnreadableError('truncated', 'The PDF has no end mark. It was probably cut off on its way.');
}

async function openPdf(bytes: Uint8Array, { factory }: CharacterMaps): Promise<PdfDocument> {
  const { getDocument } = await getResolvedPDFJS();
  try {
    // The library takes the bytes for itself; stopAtErrors keeps it from skipping what it cannot read.
    return await getDocument({
      data: bytes,
      stopAtErrors: true,
      disableFontFace: true,
      useSystemFonts: false,
      useWorkerFetch: false,
      BinaryDataFactory: factory,
      verbosity: WARNINGS,
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

interface PageMeans {
  readonly scans: Scans;
  /** Lets go, after some pages, of what the library would keep of them. */
  readonly forget: (page: number) => Promise<void>;
}

async function readPages(
  pdf: PdfDocument,
  take: TakePieces,
  { scans, forget }: PageMeans,
): Promise<ReadDocument> {
  const lines: Line[] = [];
  const texts: string[] = [];
  const fields: FormField[] = [];
  const doubts = createDoubts();
  for (let number = 1; number <= pdf.numPages; number += 1) {
    const { written, vertical, form } = await pageContent(pdf, number, doubts);
    const scanned = written.length + vertical.length === 0 ? await scans.items(number) : [];
    const items = [...written, ...scanned, ...form.items];
    fields.push(...form.fields);
    await forget(number);
    take(items.length + vertical.length);
    const rows = withColumns(pageRows(items), vertical);
    lines.push(...rowsToLines(rows, number));
    texts.push(readingOrder(rows));
  }
  const text = cleanText(texts.join('\n\n')).trim();
  if (text === '') {
    throw new UnreadableError(
      'no_text',
      'The PDF has no text layer, and no text was recognised on its pages.',
    );
  }
  const tables = lazy(() => detectTables(lines));
  return {
    kind: 'pdf',
    mediaType: 'application/pdf',
    text,
    pageCount: pdf.numPages,
    metadata: scans.confidences.metadata(),
    warnings: [...doubts.warnings(), ...scans.confidences.warnings()],
    fields,
    lines,
    get tables() {
      return tables();
    },
  };
}

interface PageContent {
  readonly written: PlacedText[];
  readonly vertical: VerticalText[];
  readonly form: PageForm;
}

/** What is written on a page, and what was filled in on it. */
async function pageContent(pdf: PdfDocument, number: number, doubts: Doubts): Promise<PageContent> {
  try {
    const page = await pdf.getPage(number);
    const { transform } = page.getViewport({ scale: 1 });
    const content = await doubts.during(number, () => page.getTextContent({ includeMarkedContent: false }));
    const form = pageForm(await page.getAnnotations(), number, transform);
    page.cleanup();
    const items = content.items.flatMap((item) => ('str' in item && item.str.trim() !== '' ? [item] : []));
    doubts.look(
      number,
      items.map(({ str }) => str),
    );
    const isVertical = verticalFonts(content.styles);
    const [vertical, written] =
      isVertical === undefined
        ? [[], items]
        : partition(items, (item) => isVertical(item) && isDownward(item, transform));
    return {
      written: written.map((item) => placeText(item, transform)),
      vertical: vertical.map((item) => placeColumn(item, transform)),
      form,
    };
  } catch (cause) {
    throw new UnreadableError('corrupt', `The PDF is damaged: page ${number} cannot be read.`, { cause });
  }
}

type IsVertical = (item: TextItem) => boolean;

/** Undefined where no font of the page is one for vertical writing. */
function verticalFonts(
  styles: Readonly<Record<string, { readonly vertical: boolean }>>,
): IsVertical | undefined {
  const names = new Set(Object.keys(styles).filter((name) => styles[name]?.vertical === true));
  return names.size === 0 ? undefined : ({ fontName }) => names.has(fontName);
}

function partition<T>(all: readonly T[], belongs: (one: T) => boolean): [T[], T[]] {
  return [all.filter(belongs), all.filter((one) => !belongs(one))];
}

/** Whether a run in a font for vertical writing, which goes against the second axis of its matrix, goes downwards on the page as it is shown. */
function isDownward({ transform: [, , c = 0, d = 1] }: TextItem, page: readonly number[]): boolean {
  const [a = 1, b = 0, e = 0, f = 1] = page;
  const [across, down] = [-(a * c + e * d), -(b * c + f * d)];
  return down > Math.abs(across);
}

interface TextItem {
  readonly str: string;
  readonly fontName: string;
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

/** A run of vertical writing begins at the upper end of the middle of its column; its height is its length. */
function placeColumn(item: TextItem, transform: readonly number[]): VerticalText {
  const [scaleX = 1, skew = 0] = item.transform;
  const { text, left, top } = placeText(item, transform);
  return { text, left, top, bottom: top + item.height, size: Math.hypot(scaleX, skew) };
}
