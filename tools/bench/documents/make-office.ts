import * as XLSX from '@e965/xlsx';
import { Document, Packer, Paragraph, Table, TableCell, TableRow } from 'docx';
import type { KnownFile } from './make-pdf.ts';
import { createWords } from './words.ts';

/** Paragraphs, and after each tenth a table of three rows. */
export async function wordFile(paragraphs: number): Promise<KnownFile> {
  const words = createWords(3);
  const texts: string[] = [];
  const written = (text: string) => {
    texts.push(text);
    return new Paragraph(text);
  };
  const cell = () => new TableCell({ children: [written(words.line(10))] });
  const row = () => new TableRow({ children: [cell(), cell(), cell()] });
  const children = Array.from({ length: paragraphs }, (_, index) =>
    index % 10 === 9
      ? [written(words.line(300)), new Table({ rows: [row(), row(), row()] })]
      : [written(words.line(300))],
  ).flat();
  const bytes = await Packer.toBuffer(new Document({ sections: [{ children }] }));
  return { name: `paragraphs-${paragraphs}.docx`, bytes: new Uint8Array(bytes), text: texts.join('\n') };
}

/** One sheet of six columns, texts and numbers. */
export function workbook(rows: number, type: 'xlsx' | 'ods' = 'xlsx'): KnownFile {
  const words = createWords(4);
  const header = ['Number', 'Article', 'Place', 'Quantity', 'Price', 'Note'];
  const cells = Array.from({ length: rows }, (_, index) => [
    ...[index + 1, words.line(12), words.line(8)],
    ...[words.number(100), words.number(10_000) + 0.5, words.line(20)],
  ]);
  const book = XLSX.utils.book_new();
  XLSX.utils.book_append_sheet(book, XLSX.utils.aoa_to_sheet([header, ...cells]), 'Stock');
  const bytes = XLSX.write(book, { type: 'buffer', bookType: type, compression: true }) as Buffer;
  const text = [header, ...cells].map((row) => row.join('\t')).join('\n');
  return { name: `rows-${rows}.${type}`, bytes: new Uint8Array(bytes), text };
}
