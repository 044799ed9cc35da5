import { type PDFiumDocument, PDFiumLibrary, type PDFiumPage } from '@hyzyla/pdfium';
import type { OcrThreadData } from './ocr-messages.ts';
import { readAsset } from './ocr-assets.ts';
import { PictureError } from './picture-error.ts';
import { tiffPicture } from './tiff-picture.ts';

/** One page as the recogniser takes it. */
export interface Picture {
  /** A file of a kind that the recogniser decodes. */
  readonly file: Uint8Array;
  /** As cameras write it: 1 is upright. */
  readonly orientation: number;
  /** How many of its pixels make one unit of the page. */
  readonly scale: number;
  readonly blank: boolean;
}

/** In dots per inch; below this small print suffers, above it nothing is won. */
const RESOLUTION = 300;
const POINTS_PER_INCH = 72;
const WHITE = 250;

/** Opens a file. The returned function draws or cuts out one page of it, counted from 1. */
export function openPictures(data: OcrThreadData): (page: number) => Promise<Picture> {
  const { format, bytes } = data;
  if (format === 'pdf') return openPdf(data);
  if (format === 'tiff') return (page) => openTiffPage(data, page);
  return async () => ({ ...upright(bytes), orientation: format === 'jpeg' ? cameraOrientation(bytes) : 1 });
}

function upright(file: Uint8Array): Picture {
  return { file, orientation: 1, scale: 1, blank: false };
}

/** Pages are drawn as they are seen, whatever they consist of: one scan, strips of it, or letters drawn as shapes. */
function openPdf({ bytes, maxPixels }: OcrThreadData): (page: number) => Promise<Picture> {
  const opening = loadPdf(bytes);
  // Told by the first page that is asked for.
  opening.catch(() => undefined);
  return async (number) => {
    try {
      return await drawPage((await opening).getPage(number - 1), maxPixels, RESOLUTION / POINTS_PER_INCH);
    } catch (cause) {
      throw new PictureError('corrupt', 'it cannot be drawn', { cause });
    }
  };
}

async function loadPdf(bytes: Uint8Array): Promise<PDFiumDocument> {
  const wasmBinary = new Uint8Array(readAsset('pdfium.wasm')).buffer;
  return (await PDFiumLibrary.init({ wasmBinary })).loadDocument(bytes);
}

async function drawPage(page: PDFiumPage, maxPixels: number, wanted: number): Promise<Picture> {
  const { originalWidth: width, originalHeight: height } = page.getOriginalSize();
  const scale = Math.min(wanted, Math.sqrt(maxPixels / Math.max(1, width * height)));
  return toPicture(await page.render({ scale, colorSpace: 'Gray', render: async ({ data }) => data }), scale);
}

/** A page of a TIFF, drawn where the recogniser does not know how it is packed. */
async function openTiffPage({ bytes, maxPixels }: OcrThreadData, number: number): Promise<Picture> {
  const picture = tiffPicture(bytes, number);
  if (picture.kind === 'file') return upright(picture.bytes);
  try {
    return await drawPage((await loadPdf(picture.bytes)).getPage(0), maxPixels, 1);
  } catch (cause) {
    throw new PictureError('corrupt', 'it cannot be unpacked', { cause });
  }
}

function toPicture(
  { width, height, data }: { readonly width: number; readonly height: number; readonly data: Uint8Array },
  scale: number,
): Picture {
  const head = Buffer.from(`P5\n${width} ${height}\n255\n`);
  const blank = data.every((value) => value >= WHITE);
  return { file: Buffer.concat([head, data]), orientation: 1, scale, blank };
}

const EXIF = Buffer.from('Exif\0\0');
const ORIENTATION = 0x0112;

/** How a camera was held, from the head of a JPEG; 1 when it does not say. */
function cameraOrientation(bytes: Uint8Array): number {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 64 * 1024));
  const start = head.indexOf(EXIF) + EXIF.length;
  if (start < EXIF.length || start + 10 > head.length) return 1;
  const little = head[start] === 0x49;
  const short = (at: number) =>
    at + 2 > head.length ? 0 : little ? head.readUInt16LE(at) : head.readUInt16BE(at);
  const directory = start + (little ? head.readUInt32LE(start + 4) : head.readUInt32BE(start + 4));
  for (let index = 0; index < Math.min(short(directory), 100); index += 1) {
    const entry = directory + 2 + index * 12;
    if (short(entry) === ORIENTATION) return Math.min(8, Math.max(1, short(entry + 8)));
  }
  return 1;
}
