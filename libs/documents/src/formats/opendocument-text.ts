import type { ReadDocument, ReadLimits } from '../document.ts';
import { blocksDocument } from '../layout/blocks.ts';
import { createTextFlow, type TextFlow } from '../layout/text-flow.ts';
import { UnreadableError } from '../unreadable.ts';
import { readOfficeMetadata } from './office-metadata.ts';
import { assertPages } from './page-limit.ts';
import { type Attributes, countIn, readXmlEvents } from './xml-events.ts';
import type { ZipParts } from './zip-parts.ts';

/** Comments, footnotes, what tracking of changes keeps of deleted text, and the notes of a speaker. */
const SKIPPED = new Set([
  'annotation',
  'note',
  'tracked-changes',
  'notes',
  'forms',
  'desc',
  'event-listeners',
]);
const PARAGRAPHS = new Set(['p', 'h', 'list-item']);
const CELLS = new Set(['table-cell', 'covered-table-cell']);

/** A text or a presentation of LibreOffice and its like: paragraphs and tables in their order, slides as pages. */
export function readOpenDocument(kind: 'odt' | 'odp', parts: ZipParts, limits: ReadLimits): ReadDocument {
  const flow = createTextFlow(limits);
  let slides = 0;
  let skipped = 0;
  readXmlEvents(parts.read('content.xml'), 'The document', {
    open: (element, attributes) => {
      if (skipped > 0 || SKIPPED.has(element)) skipped += 1;
      else if (element === 'page' && kind === 'odp') {
        slides += 1;
        assertPages(slides, 'slides', limits);
        flow.startPage(slides);
      } else openElement(flow, element, attributes);
    },
    close: (element) => {
      if (skipped > 0) skipped -= 1;
      else closeElement(flow, element);
    },
    text: (text) => {
      if (skipped === 0) flow.looseText(text);
    },
  });
  const metadata = readOfficeMetadata(parts, 'meta.xml', limits);
  const mediaType = `application/vnd.oasis.opendocument.${kind === 'odt' ? 'text' : 'presentation'}`;
  const head = { kind, mediaType, pageCount: Math.max(1, slides), metadata };
  const document = blocksDocument(head, flow.blocks(), limits);
  if (document.text === '') throw new UnreadableError('no_text', 'The document contains no text.');
  return document;
}

function openElement(flow: TextFlow, element: string, attributes: Attributes): void {
  if (PARAGRAPHS.has(element)) flow.endParagraph();
  else if (element === 'tab') flow.text('\t');
  else if (element === 's') flow.text(' '.repeat(Math.min(1000, countIn(attributes, 'c'))));
  else if (element === 'line-break') flow.text('\n');
  else if (element === 'table') flow.openTable();
  else if (element === 'table-row') flow.openRow();
  else if (CELLS.has(element)) openCell(flow, attributes);
}

/** Cells that another one reaches over stand in the file as empty ones, which keeps the columns below each other. */
function openCell(flow: TextFlow, attributes: Attributes): void {
  const columns = countIn(attributes, 'number-columns-repeated');
  flow.openCell({ columns, rows: countIn(attributes, 'number-rows-spanned'), coveredFollow: true });
}

function closeElement(flow: TextFlow, element: string): void {
  if (PARAGRAPHS.has(element)) flow.endParagraph();
  else if (CELLS.has(element)) flow.closeCell();
  else if (element === 'table-row') flow.closeRow();
  else if (element === 'table') flow.closeTable();
}
