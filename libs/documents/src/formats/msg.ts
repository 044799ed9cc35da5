import type { ReadDocument, ReadLimits } from '../document.ts';
import { UnreadableError } from '../unreadable.ts';
import type { Attached, ReadAttachment } from './attachments.ts';
import { openCompoundFile, type Storage } from './compound-file.ts';
import { unpackRtf } from './compressed-rtf.ts';
import { readHtml } from './html.ts';
import { type Message, messageDocument } from './message.ts';
import { type Properties, readProperties } from './msg-properties.ts';
import { readPlainText } from './plain-text.ts';
import { readRtf } from './rtf.ts';

const MAX_DEPTH = 3;
const MAX_ATTACHMENTS = 200;
const EMBEDDED = '__substg1.0_3701000D';

/** How a signed message begins that others can read too: the headers of its content. */
const SIGNED = /^(?:[\w-]+:[^\n]*\n(?:[ \t][^\n]*\n)*){0,5}?content-type:\s{0,8}multipart\/signed\b/iu;
const SIGNED_NAME = /\.p7m$/iu;
const HEAD_WINDOW = 2048;
const UNCHECKED = 'The message is signed. Its signature was not checked.';

/** What is the same for a message and those inside of it. */
interface Reading {
  readonly limits: ReadLimits;
  readonly readAttachment: ReadAttachment;
  /** Shared: folders of a hostile file may hold each other. */
  attachmentsLeft: number;
}

/** A message as Outlook saves it: headers, text (HTML or RTF where it has one, for the sake of tables), then its attachments. */
export async function readMsg(
  bytes: Uint8Array,
  limits: ReadLimits,
  readAttachment: ReadAttachment,
): Promise<ReadDocument> {
  const reading = { limits, readAttachment, attachmentsLeft: MAX_ATTACHMENTS };
  return readStorage(openCompoundFile(bytes, limits), reading, 0);
}

async function readStorage(storage: Storage, reading: Reading, depth: number): Promise<ReadDocument> {
  const { limits, readAttachment } = reading;
  const properties = readProperties(storage);
  const text = (tag: string) => properties.text(tag)?.trim();
  const recipients = recipientsOf(storage, properties);
  const message: Message = {
    ...{ kind: 'msg', mediaType: 'application/vnd.ms-outlook', id: text('1035') },
    headers: {
      From: address(text('0C1A'), text('5D01') ?? text('0C1F')),
      To: recipients(1) ?? text('0E04'),
      Cc: recipients(2) ?? text('0E03'),
      Date: properties.time('0039') ?? properties.time('0E06'),
      Subject: text('0037'),
    },
    ...(await contentOf(properties, attachmentsOf(storage, reading, depth), limits)),
  };
  return messageDocument(message, limits, readAttachment);
}

/**
 * A signed message holds its text and its attachments once more, as they travelled: in one attachment, which counts alone where it can be read. Where it
 * says something else it is an attachment like any other: a message that somebody attached, or a text that is to hide another.
 */
async function contentOf(
  properties: Properties,
  attached: readonly Attached[],
  limits: ReadLimits,
): Promise<Pick<Message, 'body' | 'attached' | 'warnings'>> {
  const [only, ...others] = attached;
  if (only === undefined || others.length > 0 || !SIGNED_NAME.test(only.name))
    return { body: bodyOf(properties, limits), attached };
  try {
    const signed = only.content();
    if (!isSigned(signed)) return { body: bodyOf(properties, limits), attached };
    const { readSigned } = await import('./eml.ts');
    const { body, attached: inside } = await readSigned(signed, limits);
    const own = bodyOf(properties, limits);
    if (own !== undefined && body !== undefined && lettersOf(own) !== lettersOf(body))
      return { body: own, attached };
    return { body: body ?? own, attached: inside, warnings: [UNCHECKED] };
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    // The attachment is named with the reason.
    return { body: bodyOf(properties, limits), attached: [{ ...only, read: () => Promise.reject(error) }] };
  }
}

function lettersOf({ text }: ReadDocument): string {
  return text.replace(/\s+/gu, '');
}

function isSigned(bytes: Uint8Array): boolean {
  return SIGNED.test(Buffer.from(bytes.subarray(0, HEAD_WINDOW)).toString('latin1'));
}

function address(name = '', mail = ''): string {
  // Of people of one's own organisation there is a path instead of an address.
  if (!mail.includes('@') || name === mail) return name === '' ? mail : name;
  return name === '' ? mail : `${name} <${mail}>`;
}

/** Recipients of a kind: 1 those who it was sent to, 2 those who got a copy. */
function recipientsOf(storage: Storage, message: Properties): (kind: number) => string | undefined {
  const people = foldersNamed(storage, '__recip_version1.0').map((open) => readProperties(open(), message));
  return (kind) => {
    const named = people
      .filter((person) => person.number('0C15') === kind)
      .map((person) => address(person.text('3001'), person.text('39FE') ?? person.text('3003')));
    return named.length === 0 ? undefined : named.join(', ');
  };
}

function foldersNamed({ folders }: Storage, start: string) {
  return [...folders.entries()]
    .filter(([name]) => name.startsWith(start))
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, open]) => open);
}

function bodyOf(properties: Properties, limits: ReadLimits): ReadDocument | undefined {
  return (
    textOrNothing(() => {
      const html = properties.text('1013');
      return html === undefined || html.trim() === '' ? undefined : readHtml(html, limits);
    }) ??
    textOrNothing(() => {
      const packed = properties.bytes('1009');
      return packed && readRtf(unpackRtf(packed, limits.maxTextBytes), limits);
    }) ??
    textOrNothing(() => {
      const text = properties.text('1000');
      return text === undefined || text.trim() === '' ? undefined : readPlainText(text, limits);
    })
  );
}

/** One of several ways to say the same: where it shows no text, another may. */
function textOrNothing(read: () => ReadDocument | undefined): ReadDocument | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof UnreadableError && error.reason === 'no_text') return undefined;
    throw error;
  }
}

function attachmentsOf(storage: Storage, reading: Reading, depth: number): Attached[] {
  return foldersNamed(storage, '__attach_version1.0').flatMap((open, index): Attached[] => {
    reading.attachmentsLeft -= 1;
    if (reading.attachmentsLeft < 0)
      throw new UnreadableError('too_large', `The message has more than ${MAX_ATTACHMENTS} attachments.`);
    const folder = open();
    const properties = readProperties(folder);
    const name = properties.text('3707') ?? properties.text('3704') ?? properties.text('3001');
    const shownInside =
      properties.text('3712') !== undefined && properties.text('370E')?.startsWith('image/') === true;
    if (shownInside) return [];
    const inner = folder.folders.get(EMBEDDED);
    return [
      {
        name: name ?? `attachment ${index + 1}`,
        content: () => properties.bytes('3701') ?? new Uint8Array(),
        ...(inner && { read: (limits) => readInner(inner(), { reading, limits, depth: depth + 1 }) }),
      },
    ];
  });
}

interface Inner {
  readonly reading: Reading;
  readonly limits: ReadLimits;
  readonly depth: number;
}

async function readInner(storage: Storage, { reading, limits, depth }: Inner): Promise<ReadDocument> {
  if (depth > MAX_DEPTH) throw new UnreadableError('too_large', 'Messages stand too deep in each other.');
  return readStorage(storage, Object.assign(Object.create(reading) as Reading, { limits }), depth);
}
