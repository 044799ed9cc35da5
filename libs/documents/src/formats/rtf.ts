import type { ReadDocument, ReadLimits } from '../document.ts';
import { blocksDocument } from '../layout/blocks.ts';
import { createTextFlow, type TextFlow } from '../layout/text-flow.ts';
import { UnreadableError } from '../unreadable.ts';
import { createRtfText, type RtfText } from './rtf-text.ts';

const MAX_DEPTH = 5000;
/** What the first words of a document say about its bytes: those of the Macintosh, of the PC and of the PS/2. */
const CODE_PAGES: Readonly<Record<string, number>> = { mac: 10_000, pc: 437, pca: 850 };
/** A control word with its number, a control symbol, a byte in hexadecimal, a brace, a line end, or text up to the next of these. */
const TOKEN =
  /\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([\da-f]{2})|\\([^])|([{}])|[\r\n]+|([^\\{}\r\n]{1,4096})/giu;

/** Groups whose content is not part of the text: tables of fonts and styles, pictures, headers, notes, field codes. */
const SILENT = new Set(
  (
    'fonttbl colortbl stylesheet listtable listoverridetable rsidtbl generator info pict object themedata colorschememapping ' +
    'datastore latentstyles datafield fldinst header headerl headerr headerf footer footerl footerr footerf footnote annotation ' +
    'atnid atnauthor bkmkstart bkmkend xe tc filetbl revtbl mmathPr nonshppict shppict xmlnstbl wgrffmtfilter pgptbl sn sv nonesttables'
  ).split(' '),
);

/** Groups that programs may pass over, but which hold text: boxes, and the ends of rows of inner tables. */
const SPOKEN = new Set(['shpinst', 'shptxt', 'nesttableprops']);

const SYMBOLS: Readonly<Record<string, string>> = {
  tab: '\t',
  line: '\n',
  emdash: '—',
  endash: '–',
  bullet: '•',
  lquote: '‘',
  rquote: '’',
  ldblquote: '“',
  rdblquote: '”',
  emspace: ' ',
  enspace: ' ',
  '~': '\u00A0',
  _: '-',
  '\\': '\\',
  '{': '{',
  '}': '}',
};

/** What a group inherits and may change until it ends. */
interface Group {
  readonly silent: boolean;
  /** Text that is not shown, or was deleted while changes are tracked. */
  readonly hidden: boolean;
  readonly inTable: boolean;
  /** Characters that stand for programs without Unicode after each that is written as a number. */
  readonly fallback: number;
  readonly font: number;
}

interface Reading {
  readonly flow: TextFlow;
  readonly text: RtfText;
  readonly groups: Group[];
  group: Group;
  /** How many characters of such a replacement are still to be passed over. */
  toSkip: number;
  tableOpen: boolean;
  cellOpen: boolean;
  /** The group has just begun: what comes first says what it is. */
  atStart: boolean;
  ignorable: boolean;
}

/** A document in the Rich Text Format: its paragraphs and tables. Pictures, objects, headers and notes are left out. */
export function readRtf(bytes: Uint8Array, limits: ReadLimits): ReadDocument {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const flow = createTextFlow(limits);
  const reading = startReading(flow);
  const token = new RegExp(TOKEN);
  for (let match = token.exec(source); match !== null; match = token.exec(source)) {
    const [, word, number] = match;
    // Raw bytes follow, which may look like anything.
    if (word === 'bin') token.lastIndex += Math.max(0, Number(number ?? 0));
    else onToken(reading, match);
  }
  reading.text.flush();
  if (reading.groups.length > 0)
    throw new UnreadableError('truncated', 'The RTF document ends too early, so a part of it is missing.');
  const document = blocksDocument(
    { kind: 'rtf', mediaType: 'application/rtf', pageCount: 1 },
    flow.blocks(),
    limits,
  );
  if (document.text === '') throw new UnreadableError('no_text', 'The RTF document contains no text.');
  return document;
}

function startReading(flow: TextFlow): Reading {
  const reading: Reading = {
    flow,
    text: createRtfText((text) => {
      placeInTable(reading);
      flow.text(text);
    }),
    groups: [],
    group: { silent: false, hidden: false, inTable: false, fallback: 1, font: -1 },
    toSkip: 0,
    tableOpen: false,
    cellOpen: false,
    atStart: false,
    ignorable: false,
  };
  return reading;
}

function onToken(reading: Reading, [, word, number, hex, symbol, brace, text]: RegExpExecArray): void {
  if (brace === '{') openGroup(reading);
  else if (brace === '}') closeGroup(reading);
  else if (word !== undefined) onWord(reading, word, number === undefined ? undefined : Number(number));
  else if (hex !== undefined) onText(reading, String.fromCharCode(Number.parseInt(hex, 16)));
  else if (symbol !== undefined) onSymbol(reading, symbol);
  else if (text !== undefined) onText(reading, text);
}

function openGroup(reading: Reading): void {
  if (reading.groups.length >= MAX_DEPTH)
    throw new UnreadableError('too_large', `The RTF document is nested deeper than ${MAX_DEPTH} levels.`);
  reading.groups.push(reading.group);
  reading.atStart = true;
  reading.ignorable = false;
  reading.toSkip = 0;
}

function closeGroup(reading: Reading): void {
  reading.group = reading.groups.pop() ?? reading.group;
  reading.text.useFont(reading.group.font);
  reading.atStart = false;
  reading.toSkip = 0;
}

function onSymbol(reading: Reading, symbol: string): void {
  if (symbol === '*') {
    reading.ignorable = true;
    return;
  }
  reading.atStart = false;
  if (symbol === '\r' || symbol === '\n') endParagraph(reading);
  else show(reading, SYMBOLS[symbol] ?? '');
}

function onText(reading: Reading, text: string): void {
  reading.atStart = false;
  const shown = text.slice(reading.toSkip);
  reading.toSkip -= text.length - shown.length;
  if (isShown(reading)) reading.text.addBytes(shown);
}

function isShown({ group }: Reading): boolean {
  return !group.silent && !group.hidden;
}

function show(reading: Reading, text: string): void {
  if (reading.toSkip > 0) reading.toSkip -= 1;
  else if (isShown(reading)) reading.text.add(text);
}

function onWord(reading: Reading, word: string, number: number | undefined): void {
  const { atStart, ignorable, group } = reading;
  reading.atStart = false;
  reading.ignorable = false;
  if ((atStart && SILENT.has(word)) || (ignorable && !SPOKEN.has(word)))
    reading.group = { ...group, silent: true };
  else if (setState(reading, word, number ?? 1)) return;
  else if (word === 'u' && number !== undefined) {
    show(reading, String.fromCharCode(number < 0 ? number + 65_536 : number));
    reading.toSkip = group.fallback;
  } else if (isShown(reading)) onLayout(reading, word);
}

/** Words that change how what follows is read. */
function setState(reading: Reading, word: string, number: number): boolean {
  const { group, text } = reading;
  if (word === 'uc') reading.group = { ...group, fallback: Math.min(16, Math.max(0, number)) };
  else if (word === 'f') {
    reading.group = { ...group, font: number };
    text.useFont(number);
  } else if (word === 'fcharset') text.setCharset(group.font, number);
  else if (word === 'ansicpg') text.setCodePage(number);
  else if (Object.hasOwn(CODE_PAGES, word)) text.setCodePage(CODE_PAGES[word]!);
  else if (word === 'v' || word === 'deleted') reading.group = { ...group, hidden: number !== 0 };
  else if (word === 'plain') reading.group = { ...group, hidden: false };
  else if (word === 'intbl' || word === 'pard') {
    text.flush();
    reading.group = { ...group, inTable: word === 'intbl' };
  } else return false;
  return true;
}

function onLayout(reading: Reading, word: string): void {
  if (word === 'par' || word === 'sect' || word === 'page') endParagraph(reading);
  else if (word === 'cell' || word === 'nestcell') endCell(reading);
  else if (word === 'row' || word === 'nestrow') endRow(reading);
  else if (Object.hasOwn(SYMBOLS, word)) reading.text.add(SYMBOLS[word] ?? '');
}

function endParagraph(reading: Reading): void {
  reading.text.flush();
  if (isShown(reading)) placeInTable(reading);
  reading.flow.endParagraph();
}

function endCell(reading: Reading): void {
  reading.text.flush();
  openCell(reading);
  reading.flow.closeCell();
  reading.cellOpen = false;
}

function endRow(reading: Reading): void {
  reading.text.flush();
  reading.flow.closeRow();
  reading.cellOpen = false;
}

/** A table begins with the first of its cells and ends with the first paragraph outside of it; nothing else says so. */
function placeInTable(reading: Reading): void {
  if (reading.group.inTable) openCell(reading);
  else if (reading.tableOpen) {
    reading.flow.closeTable();
    reading.tableOpen = false;
    reading.cellOpen = false;
  }
}

function openCell(reading: Reading): void {
  if (!reading.tableOpen) reading.flow.openTable();
  if (!reading.cellOpen) reading.flow.openCell();
  reading.tableOpen = true;
  reading.cellOpen = true;
}
