import type { ReadDocument, ReadLimits } from '../document.ts';
import { type Block, blocksDocument, blocksText } from '../layout/blocks.ts';
import { UnreadableError } from '../unreadable.ts';
import { readableText } from '../values/readable.ts';
import { wordPackage } from './docx-package.ts';
import type { ZipParts } from './zip-parts.ts';

/** What the library's document tree consists of, as far as it is read here. */
interface Node {
  readonly type: string;
  readonly children?: readonly Node[];
  readonly value?: string;
  readonly checked?: boolean;
  readonly breakType?: string;
}

/** A Word document: its paragraphs and tables in their order; headers, footers and comments are left out. */
export async function readDocx(parts: ZipParts, limits: ReadLimits): Promise<ReadDocument> {
  const blocks = documentBlocks(await parseDocx(parts));
  const mediaType = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
  const document = blocksDocument({ kind: 'docx', mediaType, pageCount: 1 }, blocks, limits);
  if (document.text === '') throw new UnreadableError('no_text', 'The Word document contains no text.');
  return document;
}

/** Takes the tree before it is turned into HTML, which nobody needs here. */
async function parseDocx(parts: ZipParts): Promise<Node> {
  const { default: mammoth } = await import('mammoth');
  let tree: Node | undefined;
  const transformDocument = (document: Node) => {
    tree = document;
    return { ...document, children: [] };
  };
  try {
    // Packages are an input of the library that its types do not name.
    const input = { file: wordPackage(parts) } as unknown as Parameters<typeof mammoth.convertToHtml>[0];
    await mammoth.convertToHtml(input, { transformDocument, externalFileAccess: false });
  } catch (cause) {
    if (cause instanceof UnreadableError) throw cause;
    throw new UnreadableError('corrupt', 'The Word document is damaged: its content cannot be read.', {
      cause,
    });
  }
  if (tree === undefined)
    throw new UnreadableError('corrupt', 'The Word document is damaged: it has no content.');
  return tree;
}

function documentBlocks(node: Node): Block[] {
  if (node.type === 'paragraph') return [{ paragraph: readableText(inlineText(node)) }];
  if (node.type !== 'table') return (node.children ?? []).flatMap(documentBlocks);
  const rows = (node.children ?? []).filter(({ type }) => type === 'tableRow');
  return [{ rows: rows.map((row) => (row.children ?? []).map(cellText)) }];
}

function cellText(cell: Node): string {
  return blocksText(documentBlocks(cell));
}

function inlineText(node: Node): string {
  if (node.type === 'text') return node.value ?? '';
  if (node.type === 'tab') return '\t';
  if (node.type === 'break') return '\n';
  if (node.type === 'checkbox') return node.checked === true ? '☒' : '☐';
  return (node.children ?? []).map(inlineText).join('');
}
