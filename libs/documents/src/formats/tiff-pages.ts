import { UnreadableError } from '../unreadable.ts';

const WIDTH = 256;
const HEIGHT = 257;
const SHORT = 3;
const ENTRY_LENGTH = 12;

/** Sizes of the pages of a TIFF, in pixels. Throws UnreadableError when its directories are broken or too many. */
export function tiffPages(
  bytes: Uint8Array,
  maxPages: number,
): { readonly width: number; readonly height: number }[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = bytes[0] === 0x49;
  const pages: { width: number; height: number }[] = [];
  let at = view.getUint32(4, little);
  while (at !== 0) {
    // Directories that refer to each other in a circle are too many as well.
    if (pages.length >= maxPages)
      throw new UnreadableError('too_many_pages', `The file has more than the allowed ${maxPages} pages.`);
    const count = at + 2 > bytes.length ? 0 : view.getUint16(at, little);
    const next = at + 2 + count * ENTRY_LENGTH;
    if (count === 0 || next + 4 > bytes.length) throw brokenTiff();
    pages.push({ width: tag(view, at, WIDTH), height: tag(view, at, HEIGHT) });
    at = view.getUint32(next, little);
  }
  if (pages.length === 0) throw brokenTiff();
  return pages;

  function tag(view: DataView, directory: number, wanted: number): number {
    const entries = view.getUint16(directory, little);
    for (let index = 0; index < entries; index += 1) {
      const entry = directory + 2 + index * ENTRY_LENGTH;
      if (view.getUint16(entry, little) !== wanted) continue;
      const isShort = view.getUint16(entry + 2, little) === SHORT;
      return isShort ? view.getUint16(entry + 8, little) : view.getUint32(entry + 8, little);
    }
    throw brokenTiff();
  }
}

function brokenTiff(): UnreadableError {
  return new UnreadableError('corrupt', 'The TIFF picture is damaged: a page of it is missing.');
}
