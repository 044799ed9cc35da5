import type { ReadLimits } from '../document.ts';
import { readableText } from '../values/readable.ts';
import type { Block } from './blocks.ts';
import type { Merge } from './merged-cells.ts';
import { createPieceBudget, createTextBudget, type TakePieces } from './piece-budget.ts';

/** How far a cell reaches; both default to 1. */
export interface CellSpan {
  readonly columns?: number;
  readonly rows?: number;
  /** The cells that it reaches over in the rows below follow by themselves, as empty ones. */
  readonly coveredFollow?: boolean;
}

/**
 * Takes text, paragraphs and tables as markup names them, in reading order, and makes blocks of them. What does not
 * fit, such as a cell outside a row, is put right instead of refused.
 *
 * A table with another inside one of its cells is there for the layout: that row becomes paragraphs, the inner table stays.
 */
export interface TextFlow {
  /** Text inside a paragraph, as it stands. */
  readonly text: (text: string) => void;
  /** Text whose white space only separates words. */
  readonly looseText: (text: string) => void;
  readonly endParagraph: () => void;
  /** What follows stands on this page. */
  readonly startPage: (page: number) => void;
  readonly openTable: () => void;
  readonly openRow: () => void;
  readonly openCell: (span?: CellSpan) => void;
  readonly closeCell: () => void;
  readonly closeRow: () => void;
  readonly closeTable: () => void;
  /** Ends whatever is open. */
  readonly blocks: () => readonly Block[];
}

interface Frame {
  rows: string[][];
  merges: Merge[];
  row: string[] | undefined;
  /** The paragraphs of the open cell. */
  cell: string[] | undefined;
  span: CellSpan;
  /** The row that is open holds another table. */
  isLayout: boolean;
  /** By column, the first row that a cell above does not reach any more. */
  reaching: Map<number, number>;
}

/** As browsers bound them. */
const MAX_COLUMN_SPAN = 1000;
const MAX_ROW_SPAN = 65_534;

interface Flow {
  readonly take: TakePieces;
  readonly takeText: TakePieces;
  readonly blocks: Block[];
  readonly frames: Frame[];
  readonly open: { parts: string[]; spaced: boolean };
  page: number | undefined;
}

/** Creates an empty flow. Its functions throw UnreadableError once there are more pieces or text than are allowed. */
export function createTextFlow({ maxPieces, maxTextBytes }: ReadLimits): TextFlow {
  const flow: Flow = {
    take: createPieceBudget(maxPieces),
    takeText: createTextBudget(maxTextBytes),
    blocks: [],
    frames: [],
    open: { parts: [], spaced: true },
    page: undefined,
  };
  return {
    text: (text) => addText(flow, text),
    looseText: (text) => addLooseText(flow, text),
    endParagraph: () => endParagraph(flow),
    startPage: (page) => {
      endParagraph(flow);
      flow.page = page;
    },
    openTable: () => openTable(flow),
    openRow: () => openRow(flow),
    openCell: (span = {}) => openCell(flow, span),
    closeCell: () => closeCell(flow),
    closeRow: () => closeRow(flow),
    closeTable: () => closeTable(flow),
    blocks: () => {
      while (flow.frames.length > 0) closeTable(flow);
      endParagraph(flow);
      return flow.blocks;
    },
  };
}

function addText(flow: Flow, text: string): void {
  if (text === '') return;
  flow.takeText(text.length);
  flow.open.parts.push(text);
  flow.open.spaced = /\s$/u.test(text);
}

function addLooseText(flow: Flow, text: string): void {
  const single = text.replaceAll(/\s+/gu, ' ');
  addText(flow, flow.open.spaced && single.startsWith(' ') ? single.slice(1) : single);
}

function endParagraph(flow: Flow): void {
  const { parts } = flow.open;
  if (parts.length === 0) return;
  flow.open.parts = [];
  flow.open.spaced = true;
  const paragraph = trimLines(readableText(parts.join('')));
  if (paragraph === '') return;
  flow.take(1);
  const frame = flow.frames.at(-1);
  if (frame?.cell !== undefined && !frame.isLayout) frame.cell.push(paragraph);
  else emit(flow, { paragraph });
}

/** The first line keeps its indentation, which may tell columns apart. */
function trimLines(text: string): string {
  return text.trimEnd().replace(/^(?:[^\S\n]*\n)+/u, '');
}

function emit(flow: Flow, block: Block): void {
  flow.blocks.push(flow.page === undefined ? block : { ...block, page: flow.page });
}

function openTable(flow: Flow): void {
  endParagraph(flow);
  const outer = flow.frames.at(-1);
  if (outer?.row !== undefined && !outer.isLayout) breakUpRow(flow, outer);
  flow.frames.push({
    rows: [],
    merges: [],
    row: undefined,
    cell: undefined,
    span: {},
    isLayout: false,
    reaching: new Map(),
  });
}

/** What the table holds so far is told as it is; the cells of the open row become paragraphs. */
function breakUpRow(flow: Flow, frame: Frame): void {
  const texts = [...(frame.row ?? []), ...(frame.cell ?? [])].filter((text) => text !== '');
  frame.row = [];
  frame.cell = frame.cell && [];
  frame.isLayout = true;
  frame.reaching.clear();
  emitRows(flow, frame);
  for (const paragraph of texts) emit(flow, { paragraph });
}

function emitRows(flow: Flow, frame: Frame): void {
  const { rows, merges } = frame;
  if (rows.some((row) => row.some((cell) => cell !== '')))
    emit(flow, merges.length === 0 ? { rows } : { rows, merges });
  frame.rows = [];
  frame.merges = [];
}

function openRow(flow: Flow): void {
  const frame = flow.frames.at(-1);
  if (frame?.row !== undefined) closeRow(flow);
  else endParagraph(flow);
  if (frame !== undefined) frame.row = [];
}

function openCell(flow: Flow, span: CellSpan): void {
  const frame = flow.frames.at(-1);
  if (frame === undefined) return endParagraph(flow);
  if (frame.cell === undefined) endParagraph(flow);
  else closeCell(flow);
  frame.row ??= [];
  frame.cell = [];
  frame.span = span;
}

function closeCell(flow: Flow): void {
  const frame = flow.frames.at(-1);
  endParagraph(flow);
  if (frame?.cell === undefined || frame.row === undefined) return;
  const text = frame.cell.join('\n').trim();
  frame.cell = undefined;
  if (!frame.isLayout) placeCell(flow, frame, frame.row, text);
}

function placeCell(flow: Flow, frame: Frame, row: string[], text: string): void {
  const at = frame.rows.length;
  while ((frame.reaching.get(row.length) ?? 0) > at) {
    flow.take(1);
    row.push('');
  }
  const columns = Math.min(Math.max(1, frame.span.columns ?? 1), MAX_COLUMN_SPAN);
  const rows = Math.min(Math.max(1, frame.span.rows ?? 1), MAX_ROW_SPAN);
  if (rows > 1 && text !== '') frame.merges.push({ row: at, column: row.length, rows });
  flow.take(columns);
  for (let column = 0; column < columns; column += 1) {
    if (rows > 1 && frame.span.coveredFollow !== true) frame.reaching.set(row.length, at + rows);
    row.push(column === 0 ? text : '');
  }
}

function closeRow(flow: Flow): void {
  const frame = flow.frames.at(-1);
  closeCell(flow);
  if (frame?.row === undefined) return;
  if (!frame.isLayout) frame.rows.push(frame.row);
  flow.take(1);
  frame.row = undefined;
  frame.isLayout = false;
}

function closeTable(flow: Flow): void {
  const frame = flow.frames.at(-1);
  if (frame === undefined) return;
  closeRow(flow);
  endParagraph(flow);
  emitRows(flow, frame);
  flow.frames.pop();
}
