import type { ReadLimits } from '../document.ts';
import { UnreadableError } from '../unreadable.ts';

const HEADER_LENGTH = 512;
const ENTRY_LENGTH = 128;
const LISTED_IN_HEADER = 109;
/** Numbers of sectors above this are no sectors but marks: the end of a chain, or a free one. */
const LAST_SECTOR = 0xfffffff9;
const STORAGE = 1;
const STREAM = 2;
const ROOT = 5;

/** A folder in a compound file. Names are compared as they stand. */
export interface Storage {
  readonly folders: ReadonlyMap<string, () => Storage>;
  /** Undefined without such a stream. Throws UnreadableError. */
  readonly read: (stream: string) => Uint8Array | undefined;
}

interface Entry {
  readonly name: string;
  readonly type: number;
  readonly left: number;
  readonly right: number;
  readonly child: number;
  readonly start: number;
  readonly size: number;
}

interface Container {
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly sectorSize: number;
  readonly table: Uint32Array;
  readonly smallSize: number;
  readonly smallBelow: number;
  readonly entries: readonly Entry[];
  /** Bytes that may still be read of it; the same ones count each time. */
  left: number;
  small?: { readonly table: Uint32Array; readonly content: Uint8Array };
}

/** Opens a compound file at its root folder. Chains that go in circles are refused. @throws UnreadableError */
export function openCompoundFile(bytes: Uint8Array, { maxUnpackedBytes }: ReadLimits): Storage {
  if (bytes.length < HEADER_LENGTH) throw damaged('it ends in its header', 'truncated');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [sectorShift, smallShift] = [view.getUint16(0x1e, true), view.getUint16(0x20, true)];
  if ((sectorShift !== 9 && sectorShift !== 12) || smallShift !== 6) throw damaged('its header is broken');
  const opened: Container = {
    ...{ view, bytes, sectorSize: 1 << sectorShift, smallSize: 1 << smallShift },
    smallBelow: view.getUint32(0x38, true),
    table: new Uint32Array(),
    entries: [],
    left: maxUnpackedBytes,
  };
  const container = { ...opened, table: readTable(opened) };
  const directory = readChain(container, view.getUint32(0x30, true));
  const withEntries = { ...container, entries: readEntries(directory) };
  const root = withEntries.entries[0];
  if (root?.type !== ROOT) throw damaged('its directory is broken');
  return openStorage(withEntries, root);
}

/** The sectors of the table of sectors are listed in the header, and further ones in a chain of lists. */
function readTable(container: Container): Uint32Array {
  const { view, sectorSize } = container;
  const perSector = sectorSize / 4;
  const sectors: number[] = [];
  const most = Math.ceil(view.byteLength / sectorSize);
  for (let index = 0; index < LISTED_IN_HEADER; index += 1)
    sectors.push(view.getUint32(0x4c + index * 4, true));
  let list = view.getUint32(0x44, true);
  for (let lists = 0; list < LAST_SECTOR; lists += 1) {
    if (lists > most) throw damaged('its table goes in a circle');
    const sector = sectorView(container, list);
    for (let index = 0; index < perSector - 1; index += 1) sectors.push(sector.getUint32(index * 4, true));
    list = sector.getUint32((perSector - 1) * 4, true);
  }
  const used = sectors.filter((sector) => sector < LAST_SECTOR);
  if (used.length > most) throw damaged('its table is larger than itself');
  const table = new Uint32Array(used.length * perSector);
  for (const [at, number] of used.entries()) {
    const sector = sectorView(container, number);
    for (let index = 0; index < perSector; index += 1)
      table[at * perSector + index] = sector.getUint32(index * 4, true);
  }
  return table;
}

function sectorView({ view, sectorSize }: Container, number: number): DataView {
  const at = (number + 1) * sectorSize;
  if (at + sectorSize > view.byteLength) throw damaged('a part of it is missing', 'truncated');
  return new DataView(view.buffer, view.byteOffset + at, sectorSize);
}

/** All bytes of a chain of sectors. The last sector of a file may be cut short. */
function readChain(container: Container, start: number, size = Infinity): Uint8Array {
  const { bytes, table, sectorSize } = container;
  const sectors: Uint8Array[] = [];
  let length = 0;
  for (let at = start; at < LAST_SECTOR && length < size; at = table[at] ?? LAST_SECTOR) {
    if (sectors.length > table.length) throw damaged('a chain of it goes in a circle');
    const from = (at + 1) * sectorSize;
    if (from >= bytes.length) throw damaged('a part of it is missing', 'truncated');
    const sector = bytes.subarray(from, from + sectorSize);
    sectors.push(sector);
    length += sector.length;
  }
  return takeBytes(container, sectors, length, size);
}

function takeBytes(
  container: Container,
  pieces: readonly Uint8Array[],
  length: number,
  size: number,
): Uint8Array {
  if (size !== Infinity && length < size) throw damaged('a part of it is missing', 'truncated');
  container.left -= Math.min(length, size);
  if (container.left < 0)
    throw new UnreadableError(
      'unpacks_too_large',
      'The file holds more than is allowed, or the same again and again.',
    );
  return new Uint8Array(Buffer.concat(pieces).subarray(0, Math.min(length, size)));
}

function readEntries(directory: Uint8Array): Entry[] {
  const view = new DataView(directory.buffer, directory.byteOffset, directory.byteLength);
  const entries: Entry[] = [];
  for (let at = 0; at + ENTRY_LENGTH <= directory.length; at += ENTRY_LENGTH) {
    const nameLength = Math.min(64, Math.max(2, view.getUint16(at + 64, true))) - 2;
    entries.push({
      name: new TextDecoder('utf-16le').decode(directory.subarray(at, at + nameLength)),
      type: view.getUint8(at + 66),
      left: view.getUint32(at + 68, true),
      right: view.getUint32(at + 72, true),
      child: view.getUint32(at + 76, true),
      start: view.getUint32(at + 116, true),
      size: view.getUint32(at + 120, true),
    });
  }
  return entries;
}

function openStorage(container: Container, storage: Entry): Storage {
  const children = childrenOf(container, storage);
  const streams = new Map(children.filter(({ type }) => type === STREAM).map((entry) => [entry.name, entry]));
  const folders = children.filter(({ type }) => type === STORAGE);
  return {
    folders: new Map(folders.map((entry) => [entry.name, () => openStorage(container, entry)])),
    read: (name) => {
      const entry = streams.get(name);
      return entry === undefined ? undefined : readStream(container, entry);
    },
  };
}

/** The entries of a folder are a tree, whose order means nothing here. */
function childrenOf({ entries }: Container, { child }: Entry): Entry[] {
  const seen = new Set<number>();
  const waiting = [child];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const entry = entries[at];
    if (entry === undefined || seen.has(at)) continue;
    seen.add(at);
    waiting.push(entry.left, entry.right);
  }
  return [...seen].flatMap((at) => entries[at] ?? []);
}

/** Small streams lie in a stream of their own, cut into smaller sectors. */
function readStream(container: Container, { start, size }: Entry): Uint8Array {
  if (size === 0) return new Uint8Array();
  if (size >= container.smallBelow) return readChain(container, start, size);
  const { table, content } = smallStreams(container);
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (let at = start; at < LAST_SECTOR && length < size; at = table[at] ?? LAST_SECTOR) {
    if (pieces.length > table.length) throw damaged('a chain of it goes in a circle');
    const piece = content.subarray(at * container.smallSize, (at + 1) * container.smallSize);
    if (piece.length === 0) throw damaged('a part of it is missing');
    pieces.push(piece);
    length += piece.length;
  }
  return takeBytes(container, pieces, length, size);
}

function smallStreams(container: Container): NonNullable<Container['small']> {
  if (container.small !== undefined) return container.small;
  const bytes = readChain(container, container.view.getUint32(0x3c, true));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const table = Uint32Array.from({ length: bytes.length / 4 }, (_, at) => view.getUint32(at * 4, true));
  const { start = LAST_SECTOR, size = 0 } = container.entries[0] ?? {};
  container.small = { table, content: readChain(container, start, size) };
  return container.small;
}

function damaged(detail: string, reason: 'corrupt' | 'truncated' = 'corrupt'): UnreadableError {
  return new UnreadableError(reason, `The file is damaged: ${detail}.`);
}
