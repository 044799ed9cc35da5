import type { ReadDocument, ReadLimits } from '../document.ts';
import { createPieceBudget, createTextBudget, type TakePieces } from '../layout/piece-budget.ts';
import { UnreadableError } from '../unreadable.ts';
import { readableText } from '../values/readable.ts';
import { jsonDocument } from './json.ts';
import { type Attributes, readXmlEvents } from './xml-events.ts';

/** As deep as rules look into it. */
const MAX_DEPTH = 100;

interface Element {
  readonly name: string;
  /** Attributes and children under their names, in the order in which each name came first. */
  readonly values: Map<string, unknown[]>;
  /** Names of children that came, since attributes are never a list. */
  text: string[];
}

/**
 * An XML file. Its text is that of its elements, each on a line of its own. For rules it is what the same content would
 * be as JSON: an element with others inside is an object, one that comes several times a list, an attribute a key.
 */
export function readXml(bytes: Uint8Array, limits: ReadLimits): ReadDocument {
  const take = createPieceBudget(limits.maxPieces);
  const takeText = createTextBudget(limits.maxTextBytes);
  const top = createElement('', {}, take);
  const open = [top];
  const lines: string[] = [];
  readXmlEvents(bytes, 'The XML file', {
    open: (name, attributes) => {
      if (open.length > MAX_DEPTH)
        throw new UnreadableError('too_large', `The XML file is nested deeper than ${MAX_DEPTH} levels.`);
      endText(open.at(-1), lines);
      open.push(createElement(name, attributes, take));
    },
    text: (text) => {
      takeText(text.length);
      open.at(-1)?.text.push(text);
    },
    close: () => {
      const element = open.pop();
      endText(element, lines);
      if (element !== undefined) addValue(open.at(-1) ?? top, element.name, valueOf(element));
    },
  });
  return xmlDocument(lines.join('\n'), valueOf(top));
}

function xmlDocument(text: string, json: unknown): ReadDocument {
  if (text === '' && !holdsText(json)) throw new UnreadableError('no_text', 'The XML file contains no text.');
  const document = jsonDocument(text, json);
  return {
    kind: 'xml',
    mediaType: 'application/xml',
    text: document.text,
    pageCount: 1,
    json,
    get lines() {
      return document.lines;
    },
    get tables() {
      return document.tables;
    },
  };
}

/** Attributes may say everything, and then there is no text. */
function holdsText(json: unknown): boolean {
  if (typeof json !== 'object' || json === null) return json !== '';
  return Object.values(json).some(holdsText);
}

function createElement(name: string, attributes: Attributes, take: TakePieces): Element {
  const values = new Map<string, unknown[]>();
  const names = Object.keys(attributes).filter((key) => !/^xmlns(?::|$)/u.test(key));
  take(1 + names.length);
  for (const key of names) values.set(key.slice(key.indexOf(':') + 1), [readableText(attributes[key] ?? '')]);
  return { name, values, text: [] };
}

/** Text between the children of an element is kept under `#text`, piece by piece. */
function endText(element: Element | undefined, lines: string[]): void {
  if (element === undefined || element.text.length === 0) return;
  const text = readableText(element.text.join('')).trim();
  element.text = [];
  if (text === '') return;
  lines.push(text);
  addValue(element, TEXT, text);
}

const TEXT = '#text';

function addValue({ values }: Element, name: string, value: unknown): void {
  const known = values.get(name);
  if (known === undefined) values.set(name, [value]);
  else known.push(value);
}

/** What an element is as JSON. It holds nothing but text: that text, or '' for none. */
function valueOf({ values }: Element): unknown {
  if (values.size === 0) return '';
  const texts = values.get(TEXT);
  if (values.size === 1 && texts !== undefined) return texts.join('\n');
  // fromEntries defines properties, so an element named __proto__ stays a plain key.
  return Object.fromEntries(
    values.entries().map(([name, list]) => [name, list.length === 1 ? list[0] : list]),
  );
}
