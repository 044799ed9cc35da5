import PostalMime, { type Address, type Attachment, type Email } from 'postal-mime';
import type { ReadDocument, ReadLimits } from '../document.ts';
import { blocksDocument } from '../layout/blocks.ts';
import { joinDocuments, piecesOf } from '../layout/join-documents.ts';
import { createTextFlow } from '../layout/text-flow.ts';
import { UnreadableError } from '../unreadable.ts';
import { readHtml } from './html.ts';
import { readPlainText } from './plain-text.ts';

/** Attachments that are read; the others are named. */
const MAX_ATTACHMENTS = 100;
const MAX_NESTING = 50;
/** Lines that may begin a part. */
const MAX_MARKS = 50_000;
const LINE_FEED = 0x0a;
const HYPHEN = 0x2d;

/** Reads one attachment, as any other file is read; undefined when messages stand too deep in each other. */
export type ReadAttachment =
  ((bytes: Uint8Array, options: { name: string; limits: ReadLimits }) => Promise<ReadDocument>) | undefined;

/**
 * A message: its headers, its text (the HTML part where it has one, for the sake of its tables) and its attachments one
 * after the other. An attachment that cannot be read is named in a warning. All share the limits of one file.
 */
export async function readEml(
  bytes: Uint8Array,
  limits: ReadLimits,
  readAttachment: ReadAttachment,
): Promise<ReadDocument> {
  assertWhole(bytes);
  assertFewLines(bytes, limits);
  const email = await parse(bytes);
  const { metadata, rows } = headersOf(email);
  const body = bodyOf(email, limits);
  const parts = [headerDocument(rows, limits), ...(body === undefined ? [] : [body])];
  const warnings = [...(body?.warnings ?? [])];
  await readAttachments(email.attachments, { parts, warnings, limits, readAttachment });
  if (parts.every(({ text }) => text === ''))
    throw new UnreadableError('no_text', 'The message has no text and no attachment that can be read.');
  return joinDocuments({ kind: 'eml', mediaType: 'message/rfc822', metadata, warnings }, parts);
}

/** A message in parts says itself where it ends. */
function assertWhole(bytes: Uint8Array): void {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = source.subarray(0, headEnd(source)).toString('latin1');
  const boundary =
    /^content-type:\s{0,8}multipart\/[^;\n]{0,80};(?:[^\n]|\n[ \t])*?boundary="?([^"\r\n;]{1,200})"?/imu.exec(
      head,
    );
  if (boundary?.[1] === undefined || source.includes(`--${boundary[1].trimEnd()}--`)) return;
  throw new UnreadableError(
    'truncated',
    'The message ends before its last part, so a part of it is missing.',
  );
}

/** The library keeps every line and every part on its own until the message is read. */
function assertFewLines(bytes: Uint8Array, { maxPieces }: ReadLimits): void {
  let lines = 0;
  let marks = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) {
    lines += 1;
    if (bytes[at + 1] === HYPHEN && bytes[at + 2] === HYPHEN) marks += 1;
  }
  if (lines > maxPieces)
    throw new UnreadableError('too_large', `The message has more than ${maxPieces} lines.`);
  if (marks > MAX_MARKS)
    throw new UnreadableError('too_large', `The message has more than ${MAX_MARKS} parts.`);
}

function headEnd(source: Buffer): number {
  const ends = ['\n\r\n', '\n\n'].map((end) => source.indexOf(end)).filter((at) => at >= 0);
  return Math.min(source.length, ...ends);
}

async function parse(bytes: Uint8Array): Promise<Email> {
  try {
    // Messages inside of a message are attachments like any other, so that one limit on depth holds for all.
    return await PostalMime.parse(bytes, { forceRfc822Attachments: true, maxNestingDepth: MAX_NESTING });
  } catch (cause) {
    throw new UnreadableError('corrupt', `The message cannot be read: ${(cause as Error).message}.`, {
      cause,
    });
  }
}

function headersOf(email: Email) {
  const entries: (readonly [name: string, value: string | undefined])[] = [
    ['From', addresses([email.from])],
    ['To', addresses(email.to)],
    ['Cc', addresses(email.cc)],
    ['Date', email.date],
    ['Subject', email.subject],
  ];
  const rows = entries.filter((entry): entry is [string, string] => (entry[1] ?? '').trim() !== '');
  const metadata = Object.fromEntries(
    rows.map(([name, value]) => [name.toLowerCase(), value.slice(0, 1000)]),
  );
  const id = email.messageId;
  return { rows, metadata: id === undefined ? metadata : { ...metadata, message_id: id.slice(0, 1000) } };
}

function addresses(list: readonly (Address | undefined)[] = []): string {
  return list
    .flatMap((entry) => (entry === undefined ? [] : (entry.group ?? [entry])))
    .map(({ name, address }) => (name === '' || name === address ? address : `${name} <${address}>`))
    .join(', ');
}

function headerDocument(rows: readonly [string, string][], limits: ReadLimits): ReadDocument {
  const flow = createTextFlow(limits);
  for (const [name, value] of rows) {
    flow.looseText(`${name}: ${value}`);
    flow.endParagraph();
  }
  return blocksDocument({ kind: 'eml', mediaType: 'message/rfc822', pageCount: 1 }, flow.blocks(), limits);
}

function bodyOf({ html, text }: Email, limits: ReadLimits): ReadDocument | undefined {
  try {
    if (html !== undefined && html.trim() !== '') return readHtml(html, limits);
  } catch (error) {
    // A page of nothing but a picture is common; what stands beside it as plain text counts then.
    if (!(error instanceof UnreadableError) || error.reason !== 'no_text') throw error;
  }
  return text === undefined || text.trim() === '' ? undefined : readPlainText(text, limits);
}

interface Gathering {
  readonly parts: ReadDocument[];
  readonly warnings: string[];
  readonly limits: ReadLimits;
  readonly readAttachment: ReadAttachment;
}

async function readAttachments(attachments: readonly Attachment[], gathering: Gathering): Promise<void> {
  const { parts, warnings, limits, readAttachment } = gathering;
  let pieces = limits.maxPieces - parts.reduce((sum, part) => sum + piecesOf(part), 0);
  let text = limits.maxTextBytes - parts.reduce((sum, part) => sum + part.text.length, 0);
  let pages = limits.maxPages - parts.length;
  for (const [index, attachment] of attachments.entries()) {
    if (attachment.related === true && attachment.mimeType.startsWith('image/')) continue;
    const name = attachment.filename ?? `attachment ${index + 1}`;
    if (index >= MAX_ATTACHMENTS || readAttachment === undefined) {
      warnings.push(`The attachment "${name}" was not read: there are too many, or too deep in each other.`);
      continue;
    }
    const left = {
      ...limits,
      maxPieces: Math.max(0, pieces),
      maxTextBytes: Math.max(1, text),
      maxPages: pages,
    };
    const read = await readOne({ name, content: attachment.content, limits: left }, readAttachment, warnings);
    if (read === undefined) continue;
    parts.push(read);
    pieces -= piecesOf(read);
    text -= read.text.length;
    pages -= read.pageCount;
  }
}

interface NamedContent {
  readonly name: string;
  readonly content: Attachment['content'];
  readonly limits: ReadLimits;
}

async function readOne(
  { name, content, limits }: NamedContent,
  readAttachment: NonNullable<ReadAttachment>,
  warnings: string[],
): Promise<ReadDocument | undefined> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : new Uint8Array(content);
  try {
    const read = await readAttachment(bytes, { name, limits });
    for (const warning of read.warnings ?? []) warnings.push(`In the attachment "${name}": ${warning}`);
    // Worked out now, while what it costs can still be counted and told.
    void read.lines;
    void read.tables;
    return read;
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    warnings.push(`The attachment "${name}" was not read: ${error.message}`);
    return undefined;
  }
}
