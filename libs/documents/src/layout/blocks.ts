import type { Line, ReadDocument, ReadLimits, Table } from '../document.ts';
import { cutSegments } from '../formats/plain-text.ts';
import { lazy } from '../lazy.ts';
import { detectTables } from './aligned-table.ts';
import { cellRowsToLines } from './cell-rows.ts';
import { fillMerged, type Merge } from './merged-cells.ts';
import { createPieceBudget, type TakePieces } from './piece-budget.ts';

/** Paragraphs and tables in their order. */
export type Block = { readonly page?: number } & (
  | { readonly paragraph: string }
  | { readonly rows: readonly (readonly string[])[]; readonly merges?: readonly Merge[] }
);

/** The text of blocks, one below the other, with an empty line between pages. */
export function blocksText(blocks: readonly Block[]): string {
  let text = '';
  let page = blocks[0]?.page;
  for (const block of blocks) {
    if (block.page !== page) text += '\n';
    page = block.page;
    text += `${'paragraph' in block ? block.paragraph : block.rows.map((row) => row.join('\t')).join('\n')}\n`;
  }
  return text.trim();
}

/** The document that blocks are. Its lines and tables are worked out when they are first asked for. */
export function blocksDocument(
  head: Omit<ReadDocument, 'text' | 'lines' | 'tables'>,
  blocks: readonly Block[],
  { maxPieces }: ReadLimits,
): ReadDocument {
  const lines = lazy(() => blockLines(blocks, createPieceBudget(maxPieces)));
  const tables = lazy(() => blockTables(blocks, maxPieces));
  return {
    ...head,
    text: blocksText(blocks),
    get lines() {
      return lines();
    },
    get tables() {
      return tables();
    },
  };
}

function blockLines(blocks: readonly Block[], take: TakePieces): Line[] {
  const lines: Line[] = [];
  for (const block of blocks) {
    const page = block.page ?? 1;
    const added =
      'paragraph' in block ? textLines(block.paragraph, page, take) : cellRowsToLines(block.rows, 0, page);
    for (const line of added) lines.push({ ...line, top: lines.length });
  }
  return lines;
}

function blockTables(blocks: readonly Block[], maxPieces: number): Table[] {
  const take = createPieceBudget(maxPieces);
  const tables: Table[] = [];
  for (const block of blocks) {
    if ('paragraph' in block) continue;
    const [header = [], ...rows] = fillMerged(block.rows, block.merges ?? [], take);
    tables.push({ header, rows });
  }
  return tables.concat(detectTables(paragraphLines(blocks, createPieceBudget(maxPieces))));
}

/** Only what stands outside tables; a table leaves a gap that no other table reaches over. */
function paragraphLines(blocks: readonly Block[], take: TakePieces): Line[] {
  const lines: Line[] = [];
  for (const block of blocks) {
    const text = 'paragraph' in block ? block.paragraph : '\n\n\n\n';
    for (const line of textLines(text, block.page ?? 1, take)) lines.push({ ...line, top: lines.length });
  }
  return lines;
}

function textLines(text: string, page: number, take: TakePieces): Line[] {
  return text.split('\n').map((line) => {
    take(1);
    return { page, top: 0, height: 1, segments: cutSegments(line, take) };
  });
}
