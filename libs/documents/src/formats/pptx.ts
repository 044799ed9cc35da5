import type { ReadDocument, ReadLimits } from '../document.ts';
import { blocksDocument } from '../layout/blocks.ts';
import { createTextFlow, type TextFlow } from '../layout/text-flow.ts';
import { UnreadableError } from '../unreadable.ts';
import { readOfficeMetadata } from './office-metadata.ts';
import { readRelations } from './office-relations.ts';
import { assertPages } from './page-limit.ts';
import { attribute, type Attributes, countIn, readXmlEvents } from './xml-events.ts';
import type { ZipParts } from './zip-parts.ts';

const PRESENTATION = 'ppt/presentation.xml';
/** What newer programs write a second time for older ones. */
const SKIPPED = new Set(['Fallback']);
/** What newer programs add, such as the sections of a presentation, which name its slides once more. */
const EXTENSIONS = 'extLst';

/** A PowerPoint presentation: the texts and tables of each visible slide in the order of its shapes, one page each. */
export function readPptx(parts: ZipParts, limits: ReadLimits): ReadDocument {
  const flow = createTextFlow(limits);
  const warnings: string[] = [];
  const slides = slideParts(parts);
  assertPages(slides.length, 'slides', limits);
  for (const [index, slide] of slides.entries()) {
    flow.startPage(index + 1);
    const shown = readSlide(parts.read(slide), `Slide ${index + 1}`, flow);
    if (!shown) warnings.push(`The hidden slide ${index + 1} was left out.`);
  }
  if (parts.has('ppt/vbaProject.bin')) warnings.push('The macros of the presentation were ignored.');
  const mediaType = 'application/vnd.openxmlformats-officedocument.presentationml.presentation';
  const metadata = readOfficeMetadata(parts, 'docProps/core.xml', limits);
  const head = {
    kind: 'pptx',
    mediaType,
    pageCount: Math.max(1, slides.length),
    metadata,
    warnings,
  } as const;
  const document = blocksDocument(head, flow.blocks(), limits);
  if (document.text === '') throw new UnreadableError('no_text', 'The presentation contains no text.');
  return document;
}

/** The parts of the slides in the order in which they are shown. */
function slideParts(parts: ZipParts): string[] {
  const relations = readRelations(parts, PRESENTATION, 'The presentation');
  const slides: string[] = [];
  let extensions = 0;
  readXmlEvents(parts.read(PRESENTATION), 'The presentation', {
    close: (element) => {
      if (element === EXTENSIONS) extensions -= 1;
    },
    open: (element, attributes) => {
      if (element === EXTENSIONS) extensions += 1;
      if (element !== 'sldId' || extensions > 0) return;
      const relation = relations.get(attribute(attributes, 'id', { prefixed: true }) ?? '');
      if (relation === undefined)
        throw new UnreadableError('corrupt', 'The presentation is damaged: one of its slides is missing.');
      slides.push(relation.target);
    },
  });
  return slides;
}

/** @returns whether the slide is shown; a hidden one adds nothing */
function readSlide(bytes: Uint8Array, what: string, flow: TextFlow): boolean {
  let skipped = 0;
  let isShown = true;
  let inText = false;
  readXmlEvents(bytes, what, {
    open: (element, attributes) => {
      if (element === 'sld') isShown = !/^(?:0|false)$/u.test(attribute(attributes, 'show') ?? '1');
      if (skipped > 0 || SKIPPED.has(element) || !isShown) skipped += 1;
      else {
        inText = element === 't';
        openElement(flow, element, attributes);
      }
    },
    close: (element) => {
      inText = false;
      if (skipped > 0) skipped -= 1;
      else closeElement(flow, element);
    },
    text: (text) => {
      if (inText && skipped === 0) flow.text(text);
    },
  });
  flow.endParagraph();
  return isShown;
}

function openElement(flow: TextFlow, element: string, attributes: Attributes): void {
  if (element === 'br') flow.text('\n');
  else if (element === 'tbl') flow.openTable();
  else if (element === 'tr') flow.openRow();
  else if (element === 'tc') flow.openCell({ rows: countIn(attributes, 'rowSpan'), coveredFollow: true });
}

function closeElement(flow: TextFlow, element: string): void {
  if (element === 'p') flow.endParagraph();
  else if (element === 'tc') flow.closeCell();
  else if (element === 'tr') flow.closeRow();
  else if (element === 'tbl') flow.closeTable();
}
