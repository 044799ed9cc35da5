import type { ImageFormat } from '../recognition.ts';
import { tiffPages } from './tiff-pages.ts';

/** What a picture says about itself before any of it is unpacked. */
export interface ImageHead {
  readonly format: ImageFormat;
  readonly pages: readonly PictureSize[];
}

/** In pixels. */
interface PictureSize {
  readonly width: number;
  readonly height: number;
}

type ReadHead = (view: DataView) => PictureSize | undefined;

/** Lengths of the headers that follow the first of a bitmap. */
const BITMAP_HEADERS = new Set([12, 40, 52, 56, 64, 108, 124]);
/** Marks in a JPEG that begin a frame: all of C0 to CF but those of tables. */
const JPEG_TABLES = new Set([0xc4, 0xc8, 0xcc]);
const LONGEST_HEAD = 32;

/** What kind of picture bytes hold and how large it is; undefined when they hold none, or none whole enough to tell. */
export function imageHead(bytes: Uint8Array, maxPages: number): ImageHead | undefined {
  if (bytes.length < LONGEST_HEAD) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const format = imageFormat(view);
  if (format === undefined) return undefined;
  if (format === 'tiff') return { format, pages: tiffPages(bytes, maxPages) };
  const size = HEADS[format](view);
  return size === undefined ? undefined : { format, pages: [size] };
}

function imageFormat(view: DataView): ImageFormat | undefined {
  const start = view.getUint32(0);
  if (start === 0x89504e47) return 'png';
  if (start >>> 8 === 0xffd8ff) return 'jpeg';
  if (start === 0x49492a00 || start === 0x4d4d002a) return 'tiff';
  if (start === 0x47494638) return 'gif';
  if (start === 0x52494646 && view.getUint32(8) === 0x57454250) return 'webp';
  // Two letters could begin any text, so the rest of the header has to fit too.
  const isBitmap = start >>> 16 === 0x424d && view.getUint32(6) === 0;
  return isBitmap && BITMAP_HEADERS.has(view.getUint32(14, true)) ? 'bmp' : undefined;
}

const HEADS: Readonly<Record<Exclude<ImageFormat, 'tiff'>, ReadHead>> = {
  png: (view) => ({ width: view.getUint32(16), height: view.getUint32(20) }),
  gif: (view) => ({ width: view.getUint16(6, true), height: view.getUint16(8, true) }),
  bmp: (view) =>
    view.getUint32(14, true) === 12
      ? { width: view.getUint16(18, true), height: view.getUint16(20, true) }
      : { width: Math.abs(view.getInt32(18, true)), height: Math.abs(view.getInt32(22, true)) },
  webp: webpSize,
  jpeg: jpegSize,
};

function webpSize(view: DataView): PictureSize | undefined {
  const kind = view.getUint32(12);
  if (kind === 0x56503820)
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  if (kind === 0x5650384c) {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  if (kind !== 0x56503858) return undefined;
  const three = (at: number) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  return { width: three(24) + 1, height: three(27) + 1 };
}

/** Goes from mark to mark up to the one that begins the picture. */
function jpegSize(view: DataView): PictureSize | undefined {
  let at = 2;
  while (at + 9 < view.byteLength && view.getUint8(at) === 0xff) {
    const mark = view.getUint8(at + 1);
    if (mark >= 0xc0 && mark <= 0xcf && !JPEG_TABLES.has(mark))
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    at += mark === 0xff ? 1 : 2 + Math.max(2, view.getUint16(at + 2));
  }
  return undefined;
}
