import { PDFDocument, StandardFonts } from 'pdf-lib';
import { createWords } from './words.ts';

/** A file whose text is known. */
export interface KnownFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly text: string;
}

/** A piece of text on a page of A4, in points from its upper left corner. */
interface Piece {
  readonly text: string;
  readonly left: number;
  readonly top: number;
}

const LINES = 48;
const LINE_LENGTH = 85;
const COLUMNS = [60, 110, 180, 380, 460] as const;

/** Pages full of prose: a contract, say. */
export function prosePdf(pages: number, seed = 1, lines = LINES): Promise<KnownFile> {
  const words = createWords(seed);
  const page = () =>
    Array.from({ length: lines }, (_, row) => ({
      text: words.line(LINE_LENGTH),
      left: 60,
      top: 62 + row * 15,
    }));
  return pdfOf(`prose-${pages}-${seed}.pdf`, Array.from({ length: pages }, page));
}

/** Pages full of a table of five columns: a long invoice, say. */
export function tablePdf(pages: number): Promise<KnownFile> {
  const words = createWords(2);
  const cells = (row: number) => [
    String(row),
    `A${words.number(90_000)}`,
    words.line(20),
    `${words.number(900)}.50`,
    `${words.number(9_000)}.00`,
  ];
  const page = () =>
    Array.from({ length: LINES }, (_, row) =>
      cells(row).map((text, column) => ({ text, left: COLUMNS[column]!, top: 62 + row * 15 })),
    ).flat();
  return pdfOf(`table-${pages}.pdf`, Array.from({ length: pages }, page));
}

async function pdfOf(name: string, pages: readonly (readonly Piece[])[]): Promise<KnownFile> {
  const pdf = await PDFDocument.create();
  const font = await pdf.embedFont(StandardFonts.Helvetica);
  for (const pieces of pages) {
    const page = pdf.addPage([595, 842]);
    for (const { text, left, top } of pieces) page.drawText(text, { x: left, y: 842 - top, size: 10, font });
  }
  const text = pages.map((pieces) => pieces.map((piece) => piece.text).join('\n')).join('\n');
  return { name, bytes: await pdf.save(), text };
}
