import PostalMime, { type Address, type Attachment, type Email } from 'postal-mime';
import type { ReadDocument, ReadLimits } from '../document.ts';
import { UnreadableError } from '../unreadable.ts';
import type { Attached, ReadAttachment } from './attachments.ts';
import { readHtml } from './html.ts';
import { type Message, messageDocument } from './message.ts';
import { readPlainText } from './plain-text.ts';

const MAX_NESTING = 50;
/** Lines that may begin a part. */
const MAX_MARKS = 50_000;
const LINE_FEED = 0x0a;
const HYPHEN = 0x2d;

/**
 * A message: its headers, its text (the HTML part where it has one, for the sake of its tables) and its attachments one
 * after the other. An attachment that cannot be read is named in a warning. All share the limits of one file.
 */
export async function readEml(
  bytes: Uint8Array,
  limits: ReadLimits,
  readAttachment: ReadAttachment,
): Promise<ReadDocument> {
  const email = await parseWhole(bytes, limits);
  const message: Message = {
    ...{ kind: 'eml', mediaType: 'message/rfc822', id: email.messageId },
    headers: {
      From: addresses([email.from]),
      To: addresses(email.to),
      Cc: addresses(email.cc),
      Date: email.date,
      Subject: email.subject,
    },
    body: bodyOf(email, limits),
    attached: email.attachments.flatMap(toAttached),
  };
  return messageDocument(message, limits, readAttachment);
}

/** What a message says and holds, without what is in its headers. */
interface MessageContent {
  readonly body: ReadDocument | undefined;
  readonly attached: readonly Attached[];
}

const SIGNATURE = /^application\/(?:(?:x-)?pkcs7-signature|pgp-signature)$/u;

/**
 * The content of a signed message as it travelled, without its signature, which is not checked.
 * @throws UnreadableError when it is damaged
 */
export async function readSigned(bytes: Uint8Array, limits: ReadLimits): Promise<MessageContent> {
  const email = await parseWhole(bytes, limits);
  const attachments = email.attachments.filter(({ mimeType }) => !SIGNATURE.test(mimeType));
  return { body: bodyOf(email, limits), attached: attachments.flatMap(toAttached) };
}

function parseWhole(bytes: Uint8Array, limits: ReadLimits): Promise<Email> {
  assertWhole(bytes);
  assertFewLines(bytes, limits);
  return parse(bytes);
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

function addresses(list: readonly (Address | undefined)[] = []): string {
  return list
    .flatMap((entry) => (entry === undefined ? [] : (entry.group ?? [entry])))
    .map(({ name, address }) => (name === '' || name === address ? address : `${name} <${address}>`))
    .join(', ');
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

/** Pictures that the page of the message shows itself are no attachments. */
function toAttached({ related, mimeType, filename, content }: Attachment, index: number): Attached[] {
  if (related === true && mimeType.startsWith('image/')) return [];
  const name = filename ?? `attachment ${index + 1}`;
  const bytes = () =>
    typeof content === 'string' ? new TextEncoder().encode(content) : new Uint8Array(content);
  return [{ name, content: bytes }];
}
