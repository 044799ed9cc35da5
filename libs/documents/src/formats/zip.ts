import { crc32, inflateRawSync } from 'node:zlib';
import type { ReadLimits } from '../document.ts';
import { UnreadableError } from '../unreadable.ts';

const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
const END_LENGTH = 22;
const LONGEST_COMMENT = 0xffff;
const STORED = 0;
const DEFLATED = 8;
const XML_PART = /\.(?:xml|rels)$/iu;

/** One file inside a packed file, as the directory at its end lists it. */
export interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly encrypted: boolean;
  readonly checksum: number;
  readonly packedBytes: number;
  readonly unpackedBytes: number;
  readonly offset: number;
}

/** Lists what a packed file holds, without unpacking any of it. */
export function listZip(bytes: Uint8Array): ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = findEnd(view);
  const entries: ZipEntry[] = [];
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left -= 1) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== ENTRY_SIGNATURE)
      throw damaged('its directory is broken');
    const nameLength = view.getUint16(at + 28, true);
    entries.push(readEntry(view, at, bytes.subarray(at + 46, at + 46 + nameLength)));
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

/** What all parts of a packed file unpack to, as it says itself; 0 for any other file. */
export function unpackedSize(bytes: Uint8Array): number {
  if (bytes[0] !== 0x50 || bytes[1] !== 0x4b) return 0;
  try {
    return listZip(bytes).reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0);
  } catch {
    // Its reader says what is wrong with it.
    return 0;
  }
}

function findEnd(view: DataView): number {
  const last = view.byteLength - END_LENGTH;
  for (let at = last; at >= Math.max(0, last - LONGEST_COMMENT); at -= 1) {
    if (view.getUint32(at, true) === END_SIGNATURE) return at;
  }
  throw new UnreadableError(
    'truncated',
    'The file is packed, but its end is missing. It was probably cut off on its way.',
  );
}

function readEntry(view: DataView, at: number, name: Uint8Array): ZipEntry {
  return {
    name: new TextDecoder().decode(name),
    encrypted: (view.getUint16(at + 8, true) & 1) === 1,
    method: view.getUint16(at + 10, true),
    checksum: view.getUint32(at + 16, true),
    packedBytes: view.getUint32(at + 20, true),
    unpackedBytes: view.getUint32(at + 24, true),
    offset: view.getUint32(at + 42, true),
  };
}

/**
 * Unpacks every entry once, within the limits of `createUnpack`, and compares checksums. What passes can be handed to a
 * library that trusts the sizes a packed file claims about itself.
 */
export function assertSafeZip(bytes: Uint8Array, entries: readonly ZipEntry[], limits: ReadLimits): void {
  const unpackEntry = createUnpack(bytes, limits);
  for (const entry of entries) unpackEntry(entry);
}

/**
 * Prepares to unpack entries of a packed file: at most `maxUnpackedBytes` in all, and `maxTextBytes` for each XML part.
 * The returned function compares the checksum, and throws UnreadableError.
 */
export function createUnpack(bytes: Uint8Array, limits: ReadLimits): (entry: ZipEntry) => Uint8Array {
  let budget = limits.maxUnpackedBytes;
  return (entry) => {
    if (entry.encrypted) throw new UnreadableError('encrypted', 'The file is protected with a password.');
    const most = XML_PART.test(entry.name) ? Math.min(budget, limits.maxTextBytes) : budget;
    if (entry.unpackedBytes > most) throw tooLarge();
    const content = unpack(packedContent(bytes, entry), entry, most);
    if (crc32(content) !== entry.checksum) throw damaged(`the checksum of "${entry.name}" is wrong`);
    budget -= content.byteLength;
    return content;
  };
}

function packedContent(bytes: Uint8Array, { name, offset, packedBytes }: ZipEntry): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (offset + 30 > bytes.length || view.getUint32(offset, true) !== LOCAL_SIGNATURE)
    throw damaged(`"${name}" is missing`);
  const start = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  if (start + packedBytes > bytes.length) throw damaged(`"${name}" is incomplete`);
  return bytes.subarray(start, start + packedBytes);
}

function unpack(packed: Uint8Array, { name, method }: ZipEntry, most: number): Uint8Array {
  if (method === STORED) return packed;
  if (method !== DEFLATED) throw damaged(`"${name}" is packed in an unknown way`);
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, most) });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
    throw damaged(`"${name}" cannot be unpacked`, cause);
  }
}

function damaged(detail: string, cause?: unknown): UnreadableError {
  return new UnreadableError('corrupt', `The file is packed, but damaged: ${detail}.`, { cause });
}

function tooLarge(): UnreadableError {
  return new UnreadableError('unpacks_too_large', 'The file is packed, and unpacks to more than is allowed.');
}
