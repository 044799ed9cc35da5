import { PictureError } from './picture-error.ts';
import { picturePdf, type Stripe } from './picture-pdf.ts';
import { type TiffDirectory, tiffDirectory } from './tiff-directory.ts';

/** Ways of packing that the recogniser unpacks itself: none, fax of three kinds, LZW and runs of bytes. */
const KNOWN = new Set([1, 2, 3, 4, 5, 32_773]);
const JPEG = 7;
const DEFLATE = new Set([8, 32_946]);
const MAX_STRIPES = 10_000;

const TAG = {
  ...{ width: 256, height: 257, bits: 258, compression: 259, colours: 262, samples: 277 },
  ...{ stripeOffsets: 273, rowsPerStripe: 278, stripeLengths: 279, predictor: 317 },
  ...{ tileWidth: 322, tileHeight: 323, tileOffsets: 324, tileLengths: 325, jpegTables: 347 },
} as const;

/** One page of a TIFF: as a file that the recogniser decodes itself, or as a PDF of one page that is to be drawn. */
export interface TiffPicture {
  readonly kind: 'file' | 'pdf';
  readonly bytes: Uint8Array;
}

/** Takes a page, counted from 1, out of a TIFF. @throws PictureError */
export function tiffPicture(bytes: Uint8Array, page: number): TiffPicture {
  const directory = tiffDirectory(bytes, page);
  const [compression = 1] = directory.values(TAG.compression);
  if (KNOWN.has(compression)) return { kind: 'file', bytes: pageFirst(bytes, directory) };
  if (compression !== JPEG && !DEFLATE.has(compression))
    throw new PictureError('not_recognised', 'it is packed in a way that is not known');
  return { kind: 'pdf', bytes: asPdf(bytes, directory, compression === JPEG) };
}

/** The file with this page as its first: only the address of the first directory changes. */
function pageFirst(bytes: Uint8Array, { at, little }: TiffDirectory): Uint8Array {
  const file = new Uint8Array(bytes);
  new DataView(file.buffer).setUint32(4, at, little);
  return file;
}

/** PDF packs pictures in the same ways, so its stripes go there as they are. */
function asPdf(bytes: Uint8Array, directory: TiffDirectory, isJpeg: boolean): Uint8Array {
  const one = (tag: number, otherwise = 0) => directory.values(tag)[0] ?? otherwise;
  const [width, height] = [one(TAG.width), one(TAG.height)];
  const tileWidth = one(TAG.tileWidth, width);
  const isTiled = tileWidth !== width || directory.values(TAG.tileOffsets).length > 0;
  const tileHeight = Math.min(
    isTiled ? one(TAG.tileHeight, height) : one(TAG.rowsPerStripe, height),
    isTiled ? Infinity : height,
  );
  const offsets = directory.values(isTiled ? TAG.tileOffsets : TAG.stripeOffsets);
  const lengths = directory.values(isTiled ? TAG.tileLengths : TAG.stripeLengths);
  const across = Math.ceil(width / Math.max(1, tileWidth));
  if (tileWidth * tileHeight === 0 || offsets.length === 0 || offsets.length > MAX_STRIPES)
    throw new PictureError('corrupt', 'a part of it is missing');
  const tables = Uint8Array.from(directory.values(TAG.jpegTables));
  const stripes = offsets.map((offset, index): Stripe => {
    const top = Math.floor(index / across) * tileHeight;
    const content = bytes.subarray(offset, offset + (lengths[index] ?? 0));
    return {
      ...{ left: (index % across) * tileWidth, top, width: tileWidth },
      height: isTiled ? tileHeight : Math.min(tileHeight, height - top),
      content: isJpeg ? withTables(content, tables) : content,
    };
  });
  const filter = isJpeg
    ? '/Filter/DCTDecode'
    : `/Filter/FlateDecode/DecodeParms<</Predictor ${one(TAG.predictor, 1)}/Colors ${one(TAG.samples, 1)}/BitsPerComponent ${one(TAG.bits, 1)}/Columns ${tileWidth}>>`;
  const look = `${filter}/BitsPerComponent ${one(TAG.bits, 1)}${colours(one(TAG.colours), one(TAG.samples, 1))}`;
  return picturePdf({ width, height, stripes, look });
}

function colours(meaning: number, samples: number): string {
  if (samples === 1 && meaning === 0) return '/ColorSpace/DeviceGray/Decode[1 0]';
  if (samples === 1 && meaning === 1) return '/ColorSpace/DeviceGray';
  if (samples === 3 && (meaning === 2 || meaning === 6)) return '/ColorSpace/DeviceRGB';
  throw new PictureError('not_recognised', 'its colours are written in a way that is not known');
}

/** What the stripes of a page share is kept once; each becomes a whole JPEG by it. */
function withTables(content: Uint8Array, tables: Uint8Array): Uint8Array {
  return tables.length < 4 ? content : Buffer.concat([tables.subarray(0, -2), content.subarray(2)]);
}
