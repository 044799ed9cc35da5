import { cleanText } from './clean.ts';
import { type DateOrder, parseDate } from './date.ts';
import type { LocaleHabits } from './locale-habits.ts';
import { type DecimalMark, parseNumber } from './number.ts';

type ItemType = 'string' | 'number' | 'date' | 'boolean';

/** The type of one value and how its spelling is to be understood. */
export interface ValueSpelling {
  readonly type: ItemType;
  readonly format?: DateOrder | undefined;
  readonly decimal?: DecimalMark | undefined;
  /** What is meant where the spelling leaves it open. */
  readonly habits?: LocaleHabits | undefined;
}

/** A value, or the reason why there is none, worded to follow the field's name. */
export type Converted = { readonly value: string | number | boolean } | { readonly complaint: string };

const YES = new Set([
  'true',
  'yes',
  'y',
  '1',
  'on',
  'x',
  '✓',
  '✔',
  '☑',
  '☒',
  'ja',
  'oui',
  'sí',
  'si',
  'sì',
  'sim',
  'vrai',
  'vero',
]);
const NO = new Set([
  'false',
  'no',
  'n',
  '0',
  'off',
  '☐',
  '✗',
  '✘',
  'nein',
  'non',
  'nee',
  'nej',
  'não',
  'faux',
  'falso',
]);

/** No number, date or boolean is longer; it also bounds the work on hostile text. */
const LONGEST_SCALAR = 100;

/** Converts what a rule found, text or JSON scalar, into a value of the wanted type. */
export function convert(found: unknown, spelling: ValueSpelling): Converted {
  if (typeof found === 'object' && found !== null)
    return { complaint: 'is an object or a list, not a single value' };
  const text = cleanText(String(found ?? '')).trim();
  if (spelling.type === 'string') return { value: text };
  return convertScalar(found, narrow(text), spelling);
}

/** Digits and signs of East Asian typefaces as everybody else writes them. */
function narrow(text: string): string {
  return text.replaceAll(/[\uFF01-\uFF5E]/gu, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0));
}

function convertScalar(found: unknown, text: string, spelling: ValueSpelling): Converted {
  if (text.length > LONGEST_SCALAR)
    return { complaint: `${quoted(text)} is too long to be a ${spelling.type}` };
  if (spelling.type === 'number') return toNumber(found, text, spelling);
  if (spelling.type === 'date') return toDate(text, spelling);
  return toBoolean(text);
}

function toNumber(found: unknown, text: string, { decimal, habits }: ValueSpelling): Converted {
  const value = typeof found === 'number' ? found : parseNumber(text, decimal, habits?.decimal);
  return value === undefined || !Number.isFinite(value)
    ? { complaint: `${quoted(text)} is not a number` }
    : { value };
}

function toDate(text: string, { format, habits }: ValueSpelling): Converted {
  const parsed = parseDate(text, format, habits?.order);
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
