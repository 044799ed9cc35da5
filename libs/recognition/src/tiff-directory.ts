import { PictureError } from './picture-error.ts';

/** What one page of a TIFF says about itself, by the numbers of the format. */
export interface TiffDirectory {
  readonly at: number;
  readonly little: boolean;
  /** The values of a tag; empty without it. */
  readonly values: (tag: number) => readonly number[];
}

/** Lengths in bytes of the kinds of values that are read. */
const LENGTHS: Readonly<Record<number, 1 | 2 | 4>> = { 1: 1, 3: 2, 4: 4, 7: 1 };
const ENTRY_LENGTH = 12;

/** The directory of a page, counted from 1. @throws PictureError */
export function tiffDirectory(bytes: Uint8Array, page: number): TiffDirectory {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = bytes[0] === 0x49;
  const entriesAt = (at: number) => (at + 2 > bytes.length ? 0 : view.getUint16(at, little));
  let at = view.getUint32(4, little);
  for (let number = 1; number < page; number += 1) {
    const next = at + 2 + entriesAt(at) * ENTRY_LENGTH;
    at = next + 4 > bytes.length ? bytes.length : view.getUint32(next, little);
  }
  const entries = entriesAt(at);
  if (entries === 0 || at + 2 + entries * ENTRY_LENGTH > bytes.length)
    throw new PictureError('corrupt', 'it is missing');
  return { at, little, values: (tag) => readTag(view, { at, entries, little }, tag) };
}

interface Place {
  readonly at: number;
  readonly entries: number;
  readonly little: boolean;
}

function readTag(view: DataView, { at, entries, little }: Place, tag: number): number[] {
  for (let entry = at + 2; entry < at + 2 + entries * ENTRY_LENGTH; entry += ENTRY_LENGTH) {
    if (view.getUint16(entry, little) !== tag) continue;
    const length = LENGTHS[view.getUint16(entry + 2, little)];
    const count = view.getUint32(entry + 4, little);
    if (length === undefined) return [];
    const start = count * length <= 4 ? entry + 8 : view.getUint32(entry + 8, little);
    if (start + count * length > view.byteLength)
      throw new PictureError('corrupt', 'a part of it is missing');
    return Array.from({ length: count }, (_, index) =>
      readValue(view, start + index * length, length, little),
    );
  }
  return [];
}

function readValue(view: DataView, at: number, length: 1 | 2 | 4, little: boolean): number {
  if (length === 1) return view.getUint8(at);
  return length === 2 ? view.getUint16(at, little) : view.getUint32(at, little);
}
