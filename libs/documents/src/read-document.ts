import { DEFAULT_READ_LIMITS, type ReadDocument, type ReadLimits } from './document.ts';
import { looksLikeCsv, readCsv } from './formats/csv.ts';
import { jsonDocument, parseJson } from './formats/json.ts';
import { readPlainText } from './formats/plain-text.ts';
import { decodeText } from './formats/text-encoding.ts';
import { knownBinary, refuseMarkup } from './formats/unsupported.ts';
import { readZipped } from './formats/zipped-office.ts';
import { UnreadableError } from './unreadable.ts';

const PDF_START = '%PDF-';
/** Readers of PDF allow some bytes before the start mark. */
const PDF_START_WINDOW = 1024;
const TABULAR_NAME = /\.(?:csv|tsv)$/iu;
const JSON_NAME = /\.json$/iu;
const PLAIN_NAME = /\.(?:txt|text|md|log)$/iu;

/** How to read: a file name settles only what content leaves open (txt, csv or json); limits fall back to their defaults. */
export interface ReadOptions {
  readonly name?: string | undefined;
  readonly limits?: Partial<ReadLimits> | undefined;
}

/**
 * Reads a file. Its type is told from its content. The bytes belong to the reader from then on.
 * @throws UnreadableError with a reason and a sentence, for everything that cannot be read whole
 */
export async function readDocument(bytes: Uint8Array, options: ReadOptions = {}): Promise<ReadDocument> {
  const limits = { ...DEFAULT_READ_LIMITS, ...options.limits };
  assertSize(bytes, limits.maxBytes);
  if (isPdf(bytes)) {
    const { readPdf } = await import('./formats/pdf.ts');
    return readPdf(bytes, limits);
  }
  if (startsWithZip(bytes)) return readZipped(bytes, limits);
  assertSize(bytes, limits.maxTextBytes);
  return readText(await decodeOrExplain(bytes), options.name ?? '', limits);
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

function readText(text: string, name: string, limits: ReadLimits): ReadDocument {
  if (text.trim() === '') throw new UnreadableError('empty', 'The file holds nothing but white space.');
  if (JSON_NAME.test(name)) return jsonDocument(text, parseJson(text, limits));
  const json = looksLikeJson(text) ? tryJson(text, limits) : undefined;
  if (json !== undefined) return jsonDocument(text, json);
  refuseMarkup(text);
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
