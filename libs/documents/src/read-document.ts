import { isUtf8 } from 'node:buffer';
import { DEFAULT_READ_LIMITS, type ReadDocument, type ReadLimits } from './document.ts';
import { looksLikeCsv, readCsv } from './formats/csv.ts';
import type { ReadAttachment } from './formats/attachments.ts';
import { imageHead } from './formats/image-head.ts';
import { jsonDocument, parseJson } from './formats/json.ts';
import { isCompoundFile, isMessageFile } from './formats/compound-kind.ts';
import { decodeMarkup } from './formats/markup-encoding.ts';
import { markupKind } from './formats/markup-kind.ts';
import { readPlainText } from './formats/plain-text.ts';
import { type DecodedText, decodeText } from './formats/text-encoding.ts';
import { knownBinary, refusePrinterText } from './formats/unsupported.ts';
import { readZipped } from './formats/zipped-office.ts';
import { amended } from './layout/amend.ts';
import { limitRecognition, type Recognise } from './recognition.ts';
import { UnreadableError } from './unreadable.ts';

const PDF_START = '%PDF-';
/** Readers of PDF allow some bytes before the start mark. */
const PDF_START_WINDOW = 1024;
/** White space before and after XML that is looked past to recognise it. */
const XML_WINDOW = 1024;
const TABULAR_NAME = /\.(?:csv|tsv)$/iu;
const JSON_NAME = /\.json$/iu;
const PLAIN_NAME = /\.(?:txt|text|log)$/iu;
const MARKDOWN_NAME = /\.(?:md|markdown)$/iu;

/** How to read: a file name settles only what content leaves open (txt, md, csv, json or html); limits fall back to their defaults. */
export interface ReadOptions {
  readonly name?: string | undefined;
  readonly limits?: Partial<ReadLimits> | undefined;
  /** Recognises text in pictures and scans; without it pictures are refused and pages without a text layer count as blank. */
  readonly recognise?: Recognise | undefined;
  /** Codes of the languages that are recognised. Default: those of the recogniser. */
  readonly languages?: readonly string[] | undefined;
  /** `text` keeps the columns of the page, filled up with spaces. Default false. */
  readonly layout?: boolean | undefined;
  /** Encoding of text files that are not UTF-8 and do not say theirs. Default: told from the text, or refused. */
  readonly encoding?: string | undefined;
}

/**
 * Reads a file. Its type is told from its content. The bytes belong to the reader from then on.
 * @throws UnreadableError with a reason and a sentence, for everything that cannot be read whole
 */
export async function readDocument(bytes: Uint8Array, options: ReadOptions = {}): Promise<ReadDocument> {
  const { recognise } = options;
  const maxPages = options.limits?.maxRecognisedPages ?? DEFAULT_READ_LIMITS.maxRecognisedPages;
  const limited = recognise && limitRecognition(recognise, maxPages);
  const document = await readNested(bytes, { ...options, recognise: limited }, 0);
  if (options.layout !== true) return document;
  const { layoutText } = await import('./layout/layout-text.ts');
  return amended(document, { text: layoutText(document, { ...DEFAULT_READ_LIMITS, ...options.limits }) });
}

/** @param depth how many messages and archives the file came in */
async function readNested(bytes: Uint8Array, options: ReadOptions, depth: number): Promise<ReadDocument> {
  const limits = { ...DEFAULT_READ_LIMITS, ...options.limits };
  assertSize(bytes, limits.maxBytes);
  if (isPdf(bytes)) {
    const { readPdf } = await import('./formats/pdf.ts');
    return readPdf(bytes, limits, options);
  }
  if (isCompoundFile(bytes) && isMessageFile(bytes)) {
    const { readMsg } = await import('./formats/msg.ts');
    return readMsg(bytes, limits, attachmentReader(options, depth + 1));
  }
  const picture = await readPicture(bytes, limits, options);
  if (picture !== undefined) return picture;
  if (startsWithZip(bytes)) return readZipped(bytes, limits, attachmentReader(options, depth + 1));
  assertSize(bytes, limits.maxTextBytes);
  const { name = '' } = options;
  switch (markupKind(bytes, name)) {
    case 'html':
      return (await import('./formats/html.ts')).readHtml(decodeMarkup(bytes, 'The HTML page'), limits);
    case 'xml':
      return (await import('./formats/xml.ts')).readXml(bytes, limits);
    case 'rtf':
      return (await import('./formats/rtf.ts')).readRtf(bytes, limits);
    case 'eml':
      return (await import('./formats/eml.ts')).readEml(bytes, limits, attachmentReader(options, depth + 1));
    case undefined:
      return (
        (await undeclaredXml(bytes, limits)) ??
        (await readDecoded(await decodeOrExplain(bytes, options.encoding), name, limits))
      );
  }
}

/** Undefined for what is no picture, or when nobody can recognise what stands in it. */
async function readPicture(
  bytes: Uint8Array,
  limits: ReadLimits,
  { recognise, languages }: ReadOptions,
): Promise<ReadDocument | undefined> {
  if (recognise === undefined) return undefined;
  const head = imageHead(bytes, limits.maxPages);
  if (head === undefined) return undefined;
  const { readImage } = await import('./formats/image.ts');
  return readImage(bytes, head, { limits, recognise, languages });
}

/** XML that does not say so. What is no XML to its very end is text, as broken JSON is. */
async function undeclaredXml(bytes: Uint8Array, limits: ReadLimits): Promise<ReadDocument | undefined> {
  const tail = Buffer.from(bytes.subarray(-XML_WINDOW)).toString('latin1').trimEnd();
  const head = Buffer.from(bytes.subarray(0, XML_WINDOW)).toString('latin1').trimStart();
  if (!/^(?:\u00EF\u00BB\u00BF)?<(?:[a-z_]|!--)/iu.test(head) || !tail.endsWith('>')) return undefined;
  const { readXml } = await import('./formats/xml.ts');
  try {
    return readXml(bytes, limits);
  } catch (error) {
    if (error instanceof UnreadableError && error.reason !== 'too_large') return undefined;
    throw error;
  }
}

/** A message in an archive in a message: more is no correspondence. */
const MAX_DEPTH = 3;

function attachmentReader(outer: ReadOptions, depth: number): ReadAttachment {
  if (depth > MAX_DEPTH) return undefined;
  return (bytes, options) => readNested(bytes, { ...outer, ...options }, depth);
}

function assertSize(bytes: Uint8Array, maxBytes: number): void {
  if (bytes.length === 0) throw new UnreadableError('empty', 'The file is empty.');
  if (bytes.length <= maxBytes) return;
  const message = `The file has ${bytes.length} bytes; at most ${maxBytes} are allowed.`;
  throw new UnreadableError('too_large', message);
}

function isPdf(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, PDF_START_WINDOW));
  const at = head.indexOf(PDF_START);
  // Deeper in, the mark counts only where a line begins and no text file leads up to it.
  return at === 0 || (at > 0 && (head[at - 1] === 0x0a || head.subarray(0, at).includes(0)));
}

function startsWithZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);
}

/** What is no text is more useful under its own name than as bad UTF-8. */
async function decodeOrExplain(bytes: Uint8Array, encoding: string | undefined): Promise<DecodedText> {
  if (isUtf8(bytes)) return await decodeText(bytes);
  const known = await knownBinary(bytes);
  if (known !== undefined) throw known;
  return await decodeText(bytes, encoding);
}

async function readDecoded(
  { text, warning }: DecodedText,
  name: string,
  limits: ReadLimits,
): Promise<ReadDocument> {
  const document = await readText(text, name, limits);
  if (warning === undefined) return document;
  return amended(document, { warnings: [...(document.warnings ?? []), warning] });
}

async function readText(text: string, name: string, limits: ReadLimits): Promise<ReadDocument> {
  if (text.trim() === '') throw new UnreadableError('empty', 'The file holds nothing but white space.');
  if (JSON_NAME.test(name)) return jsonDocument(text, parseJson(text, limits));
  const json = looksLikeJson(text) ? tryJson(text, limits) : undefined;
  if (json !== undefined) return jsonDocument(text, json);
  refusePrinterText(text);
  return readProse(withoutSoftHyphens(text), name, limits);
}

/** Words that were divided at the end of a line are whole again; elsewhere the mark is not seen. */
function withoutSoftHyphens(text: string): string {
  return text.includes('\u00AD') ? text.replaceAll(/\u00AD(?:[ \t]*\r?\n[ \t]*(?=\p{L}))?/gu, '') : text;
}

async function readProse(text: string, name: string, limits: ReadLimits): Promise<ReadDocument> {
  if (MARKDOWN_NAME.test(name)) return (await import('./formats/markdown.ts')).readMarkdown(text, limits);
  if (TABULAR_NAME.test(name)) return readCsv(text, limits);
  return PLAIN_NAME.test(name) || !looksLikeCsv(text) ? readPlainText(text, limits) : readCsv(text, limits);
}

/** Whether a text begins and ends like a JSON object or list. */
function looksLikeJson(text: string): boolean {
  return /^\s*[{[]/u.test(text) && /[}\]]$/u.test(text.slice(-100).trimEnd());
}

/** The value of a text that is JSON as a whole. Without a telling name, broken JSON is plain text. */
function tryJson(text: string, limits: ReadLimits): unknown {
  try {
    return parseJson(text, limits);
  } catch (error) {
    if (error instanceof UnreadableError && error.reason !== 'too_large') return undefined;
    throw error;
  }
}
