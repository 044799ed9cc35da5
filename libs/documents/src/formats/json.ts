import type { Line, ReadDocument, ReadLimits, Table } from '../document.ts';
import { lazy } from '../lazy.ts';
import { UnreadableError } from '../unreadable.ts';

const MAX_DEPTH = 100;
const COMMA = 0x2c;
const COLON = 0x3a;
const BRACKET = 0x5b;
const BRACE = 0x7b;
/** Rows this far apart are never one below the other: a JSON value stands beside its key. */
const ROW_GAP = 10;

/**
 * The value of a JSON text.
 * @throws UnreadableError too_large before it is parsed when it holds too many values, else truncated or corrupt
 */
export function parseJson(text: string, { maxJsonMarks }: ReadLimits): unknown {
  if (text.length > maxJsonMarks && countMarks(text) > maxJsonMarks) {
    throw new UnreadableError(
      'too_large',
      `The JSON file holds more values than are allowed (about ${maxJsonMarks}).`,
    );
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw jsonError(text, cause as SyntaxError);
  }
}

/** An error at the very end means that the rest is missing. */
function jsonError(text: string, cause: SyntaxError): UnreadableError {
  const position = Number(/at position (\d+)/u.exec(cause.message)?.[1] ?? 0);
  if (position >= text.trimEnd().length || /unexpected end|unterminated/iu.test(cause.message)) {
    return new UnreadableError('truncated', 'The JSON file ends too early, so a part of it is missing.', {
      cause,
    });
  }
  return new UnreadableError('corrupt', `The file is not valid JSON: ${cause.message}.`, { cause });
}

function countMarks(text: string): number {
  let marks = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === COMMA || code === COLON || code === BRACKET || code === BRACE) marks += 1;
  }
  return marks;
}

/** The document of a JSON file. Each single value is a line "path of keys | value", each list of objects a table. */
export function jsonDocument(text: string, json: unknown): ReadDocument {
  const lines = lazy(() => scalarLines(json));
  const tables = lazy(() => objectTables(json));
  return {
    kind: 'json',
    mediaType: 'application/json',
    text: text.toWellFormed(),
    pageCount: 1,
    json,
    get lines() {
      return lines();
    },
    get tables() {
      return tables();
    },
  };
}

function scalarLines(json: unknown): Line[] {
  const lines: Line[] = [];
  visit(json, [], (value, path) => {
    if (value === null || typeof value === 'object') return;
    const key = path.map(spelledOut).join(' ');
    const segments = [
      { text: key, left: 0, right: 99 },
      { text: String(value), left: 100, right: 199 },
    ].filter(({ text }) => text !== '');
    lines.push({ page: 1, top: lines.length * ROW_GAP, height: 1, segments });
  });
  return lines;
}

function objectTables(json: unknown): Table[] {
  const tables: Table[] = [];
  visit(json, [], (value) => {
    if (!Array.isArray(value)) return;
    const objects = value.filter(isObject);
    if (objects.length === 0 || objects.length < value.length) return;
    const keys = [...new Set(objects.flatMap(Object.keys))];
    const rows = objects.map((object) => keys.map((key) => cellText(object[key])));
    tables.push({ header: keys.map(spelledOut), rows });
  });
  return tables;
}

function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Walks every value down to 100 levels; keys of objects make the path, places in lists do not. */
function visit(
  value: unknown,
  path: readonly string[],
  see: (value: unknown, path: readonly string[]) => void,
  depth = 0,
): void {
  see(value, path);
  if (depth >= MAX_DEPTH) return;
  if (Array.isArray(value)) for (const item of value) visit(item, path, see, depth + 1);
  else if (isObject(value))
    for (const [key, item] of Object.entries(value)) visit(item, [...path, key], see, depth + 1);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `invoiceNumber` and `invoice_number` as a person would write the label. */
function spelledOut(key: string): string {
  return key
    .replaceAll(/([\p{Ll}\d])(\p{Lu})/gu, '$1 $2')
    .replaceAll(/[\s_-]+/gu, ' ')
    .trim();
}
