import { Parser } from 'htmlparser2';
import type { ReadDocument, ReadLimits } from '../document.ts';
import { blocksDocument } from '../layout/blocks.ts';
import { createTextFlow, type TextFlow } from '../layout/text-flow.ts';
import { UnreadableError } from '../unreadable.ts';
import { readableText } from '../values/readable.ts';

/** How deep elements may stand in each other: pages with forgotten end tags reach hundreds. */
const MAX_DEPTH = 1000;
/** A list of millions that grows at the edge of the heap would end the whole process. */
const MAX_ATTRIBUTES = 10_000;
const CHUNK = 64 * 1024;
const MAX_METADATA = 1000;

const words = (list: string) => new Set(list.split(' '));
const BLOCKS = words(
  'address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure footer form ' +
    'h1 h2 h3 h4 h5 h6 header hr legend li main nav ol optgroup option p pre section summary tbody tfoot thead ul',
);
/** What is never shown, or not as text. */
const SILENT = words(
  'script style template noscript noframes title object applet audio video canvas svg math datalist',
);
const VOID = words('area base br col embed hr img input link meta param source track wbr');
const PREFORMATTED = words('pre textarea listing xmp');
const META_NAMES = words('author description keywords');
const HIDDEN = /(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all)/iu;

/** A page as it is read: what stands around the text, and where the text goes. */
interface Page {
  readonly flow: TextFlow;
  readonly metadata: Record<string, string>;
  depth: number;
  /** Elements that are open inside of what is not shown. */
  silent: number;
  /** Elements that are open which keep their white space. */
  preformatted: number;
  openTables: number;
  inTitle: boolean;
  hasHidden: boolean;
  /** The page wrote its own beginning, or end. */
  begun: boolean;
  ended: boolean;
}

type Attributes = Readonly<Record<string, string>>;

/** An HTML page: its visible text in paragraphs and its tables. Nothing it refers to is fetched, nothing in it is run. */
export function readHtml(html: string, limits: ReadLimits): ReadDocument {
  const page: Page = {
    flow: createTextFlow(limits),
    metadata: {},
    depth: 0,
    silent: 0,
    preformatted: 0,
    openTables: 0,
    inTitle: false,
    hasHidden: false,
    begun: false,
    ended: false,
  };
  parse(html, page);
  const warnings = warningsOf(page);
  const head = {
    kind: 'html',
    mediaType: 'text/html',
    pageCount: 1,
    metadata: page.metadata,
    warnings,
  } as const;
  const document = blocksDocument(head, page.flow.blocks(), limits);
  if (document.text === '') throw new UnreadableError('no_text', 'The HTML page shows no text.');
  return document;
}

function warningsOf({ hasHidden, begun, ended }: Page): string[] {
  const warnings: string[] = [];
  if (hasHidden) warnings.push('Parts of the page that are not shown were left out.');
  // Allowed, and common where a program makes pages shorter; but a page that was cut off looks the same.
  if (begun && !ended) warnings.push('The page has no end mark, so its end may be missing.');
  return warnings;
}

function parse(html: string, page: Page): void {
  let attributeCount = 0;
  const parser = new Parser({
    onopentagname: () => (attributeCount = 0),
    onattribute: () => {
      attributeCount += 1;
      if (attributeCount > MAX_ATTRIBUTES)
        throw new UnreadableError(
          'too_large',
          `The HTML page has a tag with more than ${MAX_ATTRIBUTES} attributes.`,
        );
    },
    onopentag: (name, attributes) => open(page, name, attributes),
    onclosetag: (name, isImplied) => {
      if (!isImplied && (name === 'html' || name === 'body')) page.ended = true;
      close(page, name);
    },
    ontext: (text) => addText(page, text),
  });
  for (let at = 0; at < html.length; at += CHUNK) parser.write(html.slice(at, at + CHUNK));
  assertWhole(html, page);
  parser.end();
}

/** Nearly any half of a page can be read; but a page never ends inside a tag, a script or a table without an end of its own. */
function assertWhole(html: string, page: Page): void {
  const tail = html.slice(-CHUNK);
  const insideTag = /<[a-z/!][^<>]*$/iu.test(tail) && !/<(?:script|style|textarea)\b/iu.test(tail);
  if (!page.ended && (insideTag || page.silent > 0 || page.openTables > 0))
    throw new UnreadableError('truncated', 'The HTML page ends too early, so a part of it is missing.');
}

function open(page: Page, name: string, attributes: Attributes): void {
  if (VOID.has(name)) return openVoid(page, name, attributes);
  if (name === 'html' || name === 'body') page.begun = true;
  page.depth += 1;
  if (page.depth > MAX_DEPTH)
    throw new UnreadableError('too_large', `The HTML page is nested deeper than ${MAX_DEPTH} levels.`);
  if (page.silent > 0 || SILENT.has(name) || isHidden(page, attributes)) {
    page.silent += 1;
    page.inTitle = name === 'title' && page.silent === 1;
  } else openShown(page, name, attributes);
}

function isHidden(page: Page, { hidden, style }: Attributes): boolean {
  const isHiddenHere = hidden !== undefined || (style !== undefined && HIDDEN.test(style));
  page.hasHidden ||= isHiddenHere;
  return isHiddenHere;
}

function openVoid({ flow, metadata, silent }: Page, name: string, attributes: Attributes): void {
  const { name: about = '', content = '' } = attributes;
  if (name === 'meta' && META_NAMES.has(about.toLowerCase()))
    addMetadata(metadata, about.toLowerCase(), content);
  if (silent > 0) return;
  if (name === 'br') flow.text('\n');
  if (name === 'hr') flow.endParagraph();
  if (name === 'input') addInput(flow, attributes);
}

/** What stands in a form is part of what a person sees. */
function addInput(flow: TextFlow, { type = 'text', value = '', checked }: Attributes): void {
  if (/^(?:checkbox|radio)$/iu.test(type)) flow.looseText(checked === undefined ? '☐ ' : '☒ ');
  else if (!/^(?:hidden|password|image|file)$/iu.test(type)) flow.looseText(` ${value} `);
}

function openShown(page: Page, name: string, attributes: Attributes): void {
  const { flow } = page;
  if (BLOCKS.has(name)) flow.endParagraph();
  if (PREFORMATTED.has(name)) page.preformatted += 1;
  if (name === 'table') {
    page.openTables += 1;
    flow.openTable();
  } else if (name === 'tr') flow.openRow();
  else if (name === 'td' || name === 'th')
    flow.openCell({ columns: span(attributes['colspan']), rows: span(attributes['rowspan']) });
}

function span(value: string | undefined): number {
  const count = Number.parseInt(value ?? '1', 10);
  return Number.isSafeInteger(count) && count > 0 ? count : 1;
}

function close(page: Page, name: string): void {
  if (VOID.has(name)) return;
  page.depth -= 1;
  page.inTitle = false;
  if (page.silent > 0) page.silent -= 1;
  else closeShown(page, name);
}

function closeShown(page: Page, name: string): void {
  const { flow } = page;
  if (BLOCKS.has(name)) flow.endParagraph();
  if (PREFORMATTED.has(name)) page.preformatted -= 1;
  if (name === 'table') {
    page.openTables -= 1;
    flow.closeTable();
  } else if (name === 'tr') flow.closeRow();
  else if (name === 'td' || name === 'th') flow.closeCell();
}

function addText({ flow, metadata, silent, preformatted, inTitle }: Page, text: string): void {
  if (inTitle) addMetadata(metadata, 'title', text);
  else if (silent > 0) return;
  else if (preformatted > 0) flow.text(text);
  else flow.looseText(text);
}

function addMetadata(metadata: Record<string, string>, name: string, text: string): void {
  const more = readableText(text).replaceAll(/\s+/gu, ' ');
  const known = `${metadata[name] ?? ''}${more}`.trimStart().slice(0, MAX_METADATA);
  if (known !== '') metadata[name] = known;
}
