import { cleanText } from './clean.ts';
import { type DateOrder, parseDate } from './date.ts';
import { parseNumber } from './number.ts';

type ItemType = 'string' | 'number' | 'date' | 'boolean';

/** The type of one value and how its spelling is to be understood. */
export interface ValueSpelling {
  readonly type: ItemType;
  readonly format?: DateOrder | undefined;
  readonly decimal?: '.' | ',' | undefined;
}

/** A value, or the reason why there is none, worded to follow the field's name. */
export type Converted = { readonly value: string | number | boolean } | { readonly complaint: string };

const YES = new Set(['true', 'yes', 'y', '1', 'on', 'x', '✓', '✔', '☑', '☒', 'ja', 'oui', 'sí', 'si']);
const NO = new Set(['false', 'no', 'n', '0', 'off', '☐', '✗', '✘', 'nein', 'non']);

/** No number, date or boolean is longer; it also bounds the work on hostile text. */
const LONGEST_SCALAR = 100;

/** Converts what a rule found, text or JSON scalar, into a value of the wanted type. */
export function convert(found: unknown, spelling: ValueSpelling): Converted {
  if (typeof found === 'object' && found !== null)
    return { complaint: 'is an object or a list, not a single value' };
  const text = cleanText(String(found ?? '')).trim();
  if (spelling.type === 'string') return { value: text };
  if (text.length > LONGEST_SCALAR)
    return { complaint: `${quoted(text)} is too long to be a ${spelling.type}` };
  if (spelling.type === 'number') return toNumber(found, text, spelling.decimal);
  if (spelling.type === 'date') return toDate(text, spelling.format);
  return toBoolean(text);
}

function toNumber(found: unknown, text: string, decimal: '.' | ',' | undefined): Converted {
  const value = typeof found === 'number' ? found : parseNumber(text, decimal);
  return value === undefined || !Number.isFinite(value)
    ? { complaint: `${quoted(text)} is not a number` }
    : { value };
}

function toDate(text: string, format: DateOrder | undefined): Converted {
  const parsed = parseDate(text, format);
  return 'date' in parsed ? { value: parsed.date } : { complaint: `${quoted(text)} ${parsed.complaint}` };
}

function toBoolean(text: string): Converted {
  const word = text.toLowerCase();
  if (YES.has(word)) return { value: true };
  return NO.has(word) ? { value: false } : { complaint: `${quoted(text)} is neither yes nor no` };
}

/** Long finds are shortened: a problem is a sentence, not a page. */
function quoted(text: string): string {
  return `"${text.length > 60 ? `${text.slice(0, 60).toWellFormed()}…` : text}"`;
}
