const CURRENCY = /(?:\p{Sc}|\b[A-Z]{3}\b|%|\bkr\b|\bFr\.?(?=\s|\d|$))/gu;
const DASHES = /[\u2010-\u2015\u2212]/gu;
const SPACES = /[\s\u00a0\u2007\u2009\u202f'’]/u;
const GROUPED = /^\d{1,3}(?:([.,\s\u00a0\u2007\u2009\u202f'’])\d{3})(?:\1\d{3})*$/u;

/**
 * Reads a number in the spellings that people use: 1,234.56, 1.234,56, 1 234,56, 1'234.56, (12.00), 12.00-,
 * with a currency or a percent sign. One mark alone followed by three digits is a thousands mark when it is a
 * comma and a decimal mark when it is a point, unless `decimal` says otherwise.
 * Returns undefined for anything else, never a guess at a part of the text.
 */
export function parseNumber(text: string, decimal?: '.' | ','): number | undefined {
  const bare = text.replaceAll(DASHES, '-').replaceAll(CURRENCY, ' ').trim();
  const { digits, negative } = takeSign(bare);
  const plain = plainDigits(digits, decimal);
  if (plain === undefined) return undefined;
  const value = Number(plain);
  if (!Number.isFinite(value)) return undefined;
  return negative && value !== 0 ? -value : value;
}

function takeSign(text: string): { digits: string; negative: boolean } {
  const parentheses = /^\(\s*([^()]+?)\s*\)$/u.exec(text);
  if (parentheses?.[1] !== undefined) return { digits: parentheses[1], negative: true };
  const sign = /^([+-])?\s*([^+-]+?)\s*(-)?$/u.exec(text);
  if (sign?.[2] === undefined || (sign[1] !== undefined && sign[3] !== undefined))
    return { digits: text, negative: false };
  return { digits: sign[2], negative: sign[1] === '-' || sign[3] === '-' };
}

/** Digits as JavaScript writes them, or undefined when the marks make no number. */
function plainDigits(text: string, decimal: '.' | ',' | undefined): string | undefined {
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
function decimalMark(text: string): '.' | ',' | undefined {
  const point = text.lastIndexOf('.');
  const comma = text.lastIndexOf(',');
  const mark = point > comma ? '.' : ',';
  const at = Math.max(point, comma);
  if (at < 0 || text.indexOf(mark) !== at) return undefined;
  const alone = Math.min(point, comma) < 0 && !SPACES.test(text);
  return alone && mark === ',' && /^\d{1,3},\d{3}$/u.test(text) ? undefined : mark;
}
