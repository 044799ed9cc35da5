import { SaxesParser } from 'saxes';
import { UnreadableError } from '../unreadable.ts';
import { declaredEncoding, decodeBytes } from './markup-encoding.ts';

/** How deep elements may stand in each other. No program writes a hundredth of it. */
const MAX_DEPTH = 5000;
const CHUNK = 64 * 1024;
/** A list of millions that grows at the edge of the heap would end the whole process. */
const MAX_ATTRIBUTES = 10_000;

export type Attributes = Readonly<Record<string, string>>;

/** What a reader of XML wants to hear. Names come without their prefix; entities other than XML's own are an error. */
export interface XmlEvents {
  readonly open?: (name: string, attributes: Attributes) => void;
  readonly close?: (name: string) => void;
  readonly text?: (text: string) => void;
}

/**
 * Reads XML piece by piece and tells each element and text. Nothing is expanded and nothing is fetched.
 * @param what begins the sentences of errors: "The workbook"
 * @throws UnreadableError truncated, corrupt or wrong_encoding
 */
export function readXmlEvents(bytes: Uint8Array, what: string, events: XmlEvents): void {
  const parser = new SaxesParser({ position: false, xmlns: false });
  let depth = 0;
  let attributeCount = 0;
  let ending = false;
  parser.on('attribute', () => {
    attributeCount += 1;
    if (attributeCount > MAX_ATTRIBUTES)
      throw new UnreadableError(
        'too_large',
        `${what} has an element with more than ${MAX_ATTRIBUTES} attributes.`,
      );
  });
  parser.on('opentag', ({ name, attributes }) => {
    depth += 1;
    attributeCount = 0;
    if (depth > MAX_DEPTH)
      throw new UnreadableError('too_large', `${what} is nested deeper than ${MAX_DEPTH} levels.`);
    events.open?.(localName(name), attributes);
  });
  parser.on('closetag', ({ name }) => {
    depth -= 1;
    events.close?.(localName(name));
  });
  parser.on('text', (text) => events.text?.(text));
  parser.on('cdata', (text) => events.text?.(text));
  parser.on('error', (cause) => {
    throw xmlError(what, cause, ending);
  });
  for (const piece of decodedPieces(bytes, what)) parser.write(piece);
  ending = true;
  parser.close();
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

function xmlError(what: string, cause: Error, atEnd: boolean): UnreadableError {
  if (atEnd)
    return new UnreadableError('truncated', `${what} ends too early, so a part of it is missing.`, { cause });
  const detail = /entity/u.test(cause.message)
    ? 'it uses an entity that XML does not know, and entities of its own are never expanded'
    : `its XML is broken (${cause.message.replace(/^\d+:\d+: /u, '').replace(/\.$/u, '')})`;
  return new UnreadableError('corrupt', `${what} cannot be read: ${detail}.`, { cause });
}

function* decodedPieces(bytes: Uint8Array, what: string): Generator<string> {
  const decode = decodeBytes(declaredEncoding(bytes) ?? 'utf-8', what);
  for (let at = 0; at < bytes.length; at += CHUNK) yield decode(bytes.subarray(at, at + CHUNK), true);
  yield decode(new Uint8Array(0), false);
}

/** An attribute by its name without prefix; with `prefixed` only one that has a prefix, as `r:id` beside `id`. */
export function attribute(
  attributes: Attributes,
  name: string,
  { prefixed = false }: { prefixed?: boolean } = {},
): string | undefined {
  if (!prefixed && attributes[name] !== undefined) return attributes[name];
  const key = Object.keys(attributes).find((candidate) => candidate.endsWith(`:${name}`));
  return key === undefined ? undefined : attributes[key];
}

/** A count in an attribute; 1 where there is none. */
export function countIn(attributes: Attributes, name: string): number {
  const count = Number(attribute(attributes, name) ?? 1);
  return Number.isSafeInteger(count) && count > 0 ? count : 1;
}
