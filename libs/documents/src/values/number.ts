/** Signs, codes and short names of currencies, and the percent sign: they say what is counted, not how much. */
const CURRENCY =
  /(?:(?:R|US|CA|A|C|HK|NZ)?\p{Sc}|(?<![\p{L}\p{N}])(?:[A-Z]{3}(?!\p{N})|Euros?|euros?|EUROS?|[Kk]r\.?|Fr\.?|zł|Kč|Ft|lei)(?!\p{L})|%|円|元|원)/gu;
/** A code that touches its number must be one of a currency: ABC100 is none. */
const TOUCHING_CODE = /(?<!\p{L})(?:(?<=\d)[A-Z]{3}|[A-Z]{3}(?=\d))(?!\p{L})/gu;
const CODES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'));
const DASHES = /[\u2010-\u2015\u2212]/gu;
const SPACES = /[\s\u00a0\u2007\u2009\u202f'’]/u;
const GROUPED = /^\d{1,3}(?:([.,\s\u00a0\u2007\u2009\u202f'’])\d{3})(?:\1\d{3})*$/u;
/** In place of hundredths that are none: 1.234,- and 1'234.–. */
const NO_HUNDREDTHS = /(?<=\d)([.,])\s?(?:-{1,2}|=)$/u;
/** How statements mark a side of an account: credit, Haben, and debit, Soll. */
const SIDE = /(?<=\d)\s*(?:(CR|H)|(DR|S))\.?$/u;

export type DecimalMark = '.' | ',';

/**
 * Reads a number in the spellings that people use: 1,234.56, 1.234,56, 1 234,56, 1'234.56, 1.234,-, (12.00), 12.00-,
 * 12.00 CR, 12,00 S, with a currency or a percent sign. One mark alone followed by three digits is a thousands mark when
 * it is a comma and a decimal mark when it is a point, unless `decimal` says what the mark is, or `usual` what it is where the text leaves it open.
 * Returns undefined for anything else, never a guess at a part of the text.
 */
export function parseNumber(text: string, decimal?: DecimalMark, usual?: DecimalMark): number | undefined {
  const bare = text
    .replaceAll(DASHES, '-')
    .replaceAll(TOUCHING_CODE, (code) => (CODES.has(code) ? ' ' : code))
    .replaceAll(CURRENCY, ' ')
    .trim();
  const { digits, negative } = takeSign(bare);
  const plain = plainDigits(digits, decimal ?? settledBy(digits, usual));
  if (plain === undefined) return undefined;
  const value = Number(plain);
  if (!Number.isFinite(value)) return undefined;
  return negative && value !== 0 ? -value : value;
}

/** The usual mark counts only where one mark before three digits leaves open what it is. */
function settledBy(text: string, usual: DecimalMark | undefined): DecimalMark | undefined {
  return /^\d{1,3}[.,]\d{3}$/u.test(text) ? usual : undefined;
}

function takeSign(text: string): { digits: string; negative: boolean } {
  const parentheses = /^\(\s*([^()]+?)\s*\)$/u.exec(text);
  if (parentheses?.[1] !== undefined) return { digits: parentheses[1], negative: true };
  const side = SIDE.exec(text);
  if (side !== null)
    return { digits: text.slice(0, side.index).replace(/^[+]\s*/u, ''), negative: side[2] !== undefined };
  const round = text.replace(NO_HUNDREDTHS, '$100');
  const sign = /^([+-])?\s*([^+-]+?)\s*([+-])?$/u.exec(round);
  if (sign?.[2] === undefined || (sign[1] !== undefined && sign[3] !== undefined))
    return { digits: text, negative: false };
  return { digits: sign[2], negative: sign[1] === '-' || sign[3] === '-' };
}

/** Digits as JavaScript writes them, or undefined when the marks make no number. */
function plainDigits(text: string, decimal: DecimalMark | undefined): string | undefined {
  if (/^\d+(?:\.\d+)?[eE][+-]?\d{1,3}$/u.test(text)) return text;
  const mark = decimal ?? decimalMark(text);
  const at = mark === undefined ? -1 : text.lastIndexOf(mark);
  const whole = at < 0 ? text : text.slice(0, at);
  const fraction = at < 0 ? '' : text.slice(at + 1);
  if (!/^\d*$/u.test(fraction) || (whole === '' && fraction === '')) return undefined;
  if (mark !== undefined && whole.includes(mark)) return undefined;
  if (!/^\d*$/u.test(whole) && !GROUPED.test(whole)) return undefined;
  return `${whole.replaceAll(/\D/gu, '') || '0'}.${fraction || '0'}`;
}

/** The mark that stands last is the decimal one, unless it repeats or stands as a comma before three digits. */
function decimalMark(text: string): DecimalMark | undefined {
  const point = text.lastIndexOf('.');
  const comma = text.lastIndexOf(',');
  const mark = point > comma ? '.' : ',';
  const at = Math.max(point, comma);
  if (at < 0 || text.indexOf(mark) !== at) return undefined;
  const alone = Math.min(point, comma) < 0 && !SPACES.test(text);
  return alone && mark === ',' && /^\d{1,3},\d{3}$/u.test(text) ? undefined : mark;
}
