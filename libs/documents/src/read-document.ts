import { DEFAULT_READ_LIMITS, type ReadDocument, type ReadLimits } from './document.ts';
import { looksLikeCsv, readCsv } from './formats/csv.ts';
import type { ReadAttachment } from './formats/eml.ts';
import { jsonDocument, parseJson } from './formats/json.ts';
import { decodeMarkup } from './formats/markup-encoding.ts';
import { markupKind } from './formats/markup-kind.ts';
import { readPlainText } from './formats/plain-text.ts';
import { decodeText } from './formats/text-encoding.ts';
import { knownBinary, refusePrinterText } from './formats/unsupported.ts';
import { readZipped } from './formats/zipped-office.ts';
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
}

/**
 * Reads a file. Its type is told from its content. The bytes belong to the reader from then on.
 * @throws UnreadableError with a reason and a sentence, for everything that cannot be read whole
 */
export async function readDocument(bytes: Uint8Array, options: ReadOptions = {}): Promise<ReadDocument> {
  return await readNested(bytes, options, 0);
}

/** @param depth how many messages the file came in */
async function readNested(bytes: Uint8Array, options: ReadOptions, depth: number): Promise<ReadDocument> {
  const limits = { ...DEFAULT_READ_LIMITS, ...options.limits };
  assertSize(bytes, limits.maxBytes);
  if (isPdf(bytes)) {
    const { readPdf } = await import('./formats/pdf.ts');
    return readPdf(bytes, limits);
  }
  if (startsWithZip(bytes)) return readZipped(bytes, limits);
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
      return (await import('./formats/eml.ts')).readEml(bytes, limits, attachmentReader(depth + 1));
    case undefined:
      return (
        (await undeclaredXml(bytes, limits)) ?? (await readText(await decodeOrExplain(bytes), name, limits))
      );
  }
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

/** A message in a message in a message: more is no correspondence. */
const MAX_MESSAGES = 3;

function attachmentReader(depth: number): ReadAttachment {
  return depth > MAX_MESSAGES ? undefined : (bytes, options) => readNested(bytes, options, depth);
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
async function decodeOrExplain(bytes: Uint8Array): Promise<string> {
  try {
    return decodeText(bytes);
  } catch (error) {
    throw (await knownBinary(bytes)) ?? error;
  }
}

async function readText(text: string, name: string, limits: ReadLimits): Promise<ReadDocument> {
  if (text.trim() === '') throw new UnreadableError('empty', 'The file holds nothing but white space.');
  if (JSON_NAME.test(name)) return jsonDocument(text, parseJson(text, limits));
  const json = looksLikeJson(text) ? tryJson(text, limits) : undefined;
  if (json !== undefined) return jsonDocument(text, json);
  refusePrinterText(text);
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
