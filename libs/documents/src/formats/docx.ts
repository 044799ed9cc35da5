import type { Line, ReadDocument, ReadLimits, Table } from '../document.ts';
import { cellRowsToLines } from '../layout/cell-rows.ts';
import { detectTables } from '../layout/aligned-table.ts';
import { createPieceBudget, type TakePieces } from '../layout/piece-budget.ts';
import { UnreadableError } from '../unreadable.ts';
import { cleanText } from '../values/clean.ts';
import { cutSegments } from './plain-text.ts';

/** What the library's document tree consists of, as far as it is read here. */
interface Node {
  readonly type: string;
  readonly children?: readonly Node[];
  readonly value?: string;
  readonly checked?: boolean;
  readonly breakType?: string;
}

/** Paragraphs and tables in their order. */
type Block = { readonly paragraph: string } | { readonly rows: readonly (readonly string[])[] };

/** A Word document: its paragraphs and tables in their order; headers, footers and comments are left out. */
export async function readDocx(bytes: Uint8Array, { maxPieces }: ReadLimits): Promise<ReadDocument> {
  const blocks = documentBlocks(await parseDocx(bytes));
  const text = cleanText(blocks.map(blockText).join('\n')).trim();
  if (text === '') throw new UnreadableError('no_text', 'The Word document contains no text.');
  const lines = blockLines(blocks, createPieceBudget(maxPieces));
  return {
    kind: 'docx',
    mediaType: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    text,
    pageCount: 1,
    lines,
    tables: [
      ...blocks.flatMap(blockTable),
      ...detectTables(paragraphLines(blocks, createPieceBudget(maxPieces))),
    ],
  };
}

/** Takes the tree before it is turned into HTML, which nobody needs here. */
async function parseDocx(bytes: Uint8Array): Promise<Node> {
  const { default: mammoth } = await import('mammoth');
  let tree: Node | undefined;
  const transformDocument = (document: Node) => {
    tree = document;
    return { ...document, children: [] };
  };
  try {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    await mammoth.convertToHtml({ buffer }, { transformDocument, externalFileAccess: false });
  } catch (cause) {
    throw new UnreadableError('corrupt', 'The Word document is damaged: its content cannot be read.', {
      cause,
    });
  }
  if (tree === undefined)
    throw new UnreadableError('corrupt', 'The Word document is damaged: it has no content.');
  return tree;
}

function documentBlocks(node: Node): Block[] {
  if (node.type === 'paragraph') return [{ paragraph: inlineText(node) }];
  if (node.type !== 'table') return (node.children ?? []).flatMap(documentBlocks);
  const rows = (node.children ?? []).filter(({ type }) => type === 'tableRow');
  return [{ rows: rows.map((row) => (row.children ?? []).map(cellText)) }];
}

function cellText(cell: Node): string {
  const parts = documentBlocks(cell).map(blockText);
  return parts.join('\n').trim();
}

function inlineText(node: Node): string {
  if (node.type === 'text') return node.value ?? '';
  if (node.type === 'tab') return '\t';
  if (node.type === 'break') return '\n';
  if (node.type === 'checkbox') return node.checked === true ? '☒' : '☐';
  return (node.children ?? []).map(inlineText).join('');
}

function blockText(block: Block): string {
  return 'paragraph' in block ? block.paragraph : block.rows.map((row) => row.join('\t')).join('\n');
}

function blockLines(blocks: readonly Block[], take: TakePieces): Line[] {
  const lines: Line[] = [];
  for (const block of blocks) {
    const added = 'paragraph' in block ? textLines(block.paragraph, take) : cellRowsToLines(block.rows);
    lines.push(...added.map((line, index) => ({ ...line, top: lines.length + index })));
  }
  return lines;
}

/** Only what stands outside tables; a table leaves a gap that no other table reaches over. */
function paragraphLines(blocks: readonly Block[], take: TakePieces): Line[] {
  return blocks
    .flatMap((block) =>
      'paragraph' in block ? textLines(block.paragraph, take) : textLines('\n\n\n\n', take),
    )
    .map((line, top) => ({ ...line, top }));
}

function textLines(text: string, take: TakePieces): Line[] {
  return text.split('\n').map((line) => ({ page: 1, top: 0, height: 1, segments: cutSegments(line, take) }));
}

function blockTable(block: Block): Table[] {
  if ('paragraph' in block) return [];
  const [header = [], ...rows] = block.rows;
  return [{ header, rows }];
}
