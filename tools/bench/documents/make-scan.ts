import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { crc32, deflateSync } from 'node:zlib';
import { PDFiumLibrary } from '@hyzyla/pdfium';
import { type KnownFile, prosePdf } from './make-pdf.ts';

const DOTS_PER_INCH = 300;
/** As many as a letter or an invoice has. */
const LINES = 16;
const POINTS_PER_INCH = 72;

/** Pages of prose drawn as a scanner would, each a grey PNG; no two are alike. */
export async function scans(count: number): Promise<KnownFile[]> {
  const path = createRequire(import.meta.url).resolve('@hyzyla/pdfium/pdfium.wasm');
  const library = await PDFiumLibrary.init({ wasmBinary: new Uint8Array(readFileSync(path)).buffer });
  const made: KnownFile[] = [];
  try {
    for (let index = 0; index < count; index += 1) {
      const { bytes, text } = await prosePdf(1, 100 + index, LINES);
      const document = await library.loadDocument(bytes);
      const page = await document.getPage(0).render({
        scale: DOTS_PER_INCH / POINTS_PER_INCH,
        colorSpace: 'Gray',
        render: async (drawn) => png(drawn),
      });
      document.destroy();
      made.push({ name: `scan-${index}.png`, bytes: page.data, text });
    }
  } finally {
    library.destroy();
  }
  return made;
}

interface Drawn {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

async function png({ width, height, data }: Drawn): Promise<Uint8Array> {
  const rows = Buffer.alloc((width + 1) * height);
  for (let row = 0; row < height; row += 1)
    rows.set(data.subarray(row * width, (row + 1) * width), row * (width + 1) + 1);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  // Eight bits of grey, packed in the only way there is, without filters between rows.
  head.set([8, 0, 0, 0, 0], 8);
  // How many dots make a metre: those who look at the picture alone would guess it otherwise.
  const density = Buffer.alloc(9);
  const perMetre = Math.round(DOTS_PER_INCH / 0.0254);
  density.writeUInt32BE(perMetre, 0);
  density.writeUInt32BE(perMetre, 4);
  density[8] = 1;
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    ...[
      chunk('IHDR', head),
      chunk('pHYs', density),
      chunk('IDAT', deflateSync(rows)),
      chunk('IEND', Buffer.alloc(0)),
    ],
  ]);
}

function chunk(name: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name), content]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}
