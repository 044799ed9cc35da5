export type DateOrder = 'day/month/year' | 'month/day/year';

const MONTHS = [
  ['january', 'jan', 'januar', 'jänner', 'janvier', 'enero'],
  ['february', 'feb', 'februar', 'février', 'febrero'],
  ['march', 'mar', 'märz', 'mrz', 'mars', 'marzo'],
  ['april', 'apr', 'avril', 'abril'],
  ['may', 'mai', 'mayo'],
  ['june', 'jun', 'juni', 'juin', 'junio'],
  ['july', 'jul', 'juli', 'juillet', 'julio'],
  ['august', 'aug', 'août', 'agosto'],
  ['september', 'sep', 'sept', 'septembre', 'septiembre'],
  ['october', 'oct', 'oktober', 'okt', 'octobre', 'octubre'],
  ['november', 'nov', 'novembre', 'noviembre'],
  ['december', 'dec', 'dezember', 'dez', 'décembre', 'diciembre'],
] as const;

const MONTH_NUMBERS = new Map(
  MONTHS.flatMap((names, index) => names.map((name) => [name as string, index + 1])),
);

/** A date as YYYY-MM-DD, or the reason, worded to follow the text that was found. */
export type ParsedDate = { readonly date: string } | { readonly complaint: string };

const NO_DATE: ParsedDate = { complaint: 'is not a date' };

/**
 * Reads a calendar date: 2026-03-01 (a time of day is dropped), 01.03.2026, 1 March 2026, March 1, 2026, 1-Mar-26, 03/01/2026.
 * Points mean day first. Where slashes or dashes leave day and month open, `order` decides; without it
 * the date is refused, because a guess would be wrong without anybody noticing.
 */
export function parseDate(text: string, order?: DateOrder): ParsedDate {
  const bare = text.trim().replace(/^\p{L}{2,10}\.?,\s+(?=.*\d{4})(?=\S*\d|\p{L}+\s+\d)/u, '');
  return isoDate(bare) ?? namedMonth(bare) ?? digitsOnly(bare, order) ?? NO_DATE;
}

function isoDate(text: string): ParsedDate | undefined {
  const match = /^(\d{4})([-/.]?)(\d{2})\2(\d{2})(?:[T ]\d{2}:?\d{2}.*)?$/u.exec(text);
  return match === null ? undefined : calendarDate(match[1], match[3], match[4]);
}

function namedMonth(text: string): ParsedDate | undefined {
  const dayFirst =
    /^(\d{1,2})(?:st|nd|rd|th|\.|er)?[\s-]*(?:of\s+|de\s+)?(\p{L}+)\.?,?[\s-]*(?:de\s+)?(\d{4}|\d{2})$/iu.exec(
      text,
    );
  if (dayFirst !== null) return calendarDate(dayFirst[3], monthNumber(dayFirst[2]), dayFirst[1]);
  const monthFirst = /^(\p{L}+)\.?[\s-]+(\d{1,2})(?:st|nd|rd|th)?,?[\s-]+(\d{4}|\d{2})$/iu.exec(text);
  return monthFirst === null
    ? undefined
    : calendarDate(monthFirst[3], monthNumber(monthFirst[1]), monthFirst[2]);
}

function monthNumber(name: string | undefined): string | undefined {
  return MONTH_NUMBERS.get(name?.toLowerCase().normalize('NFC') ?? '')?.toString();
}

function digitsOnly(text: string, order: DateOrder | undefined): ParsedDate | undefined {
  const match = /^(\d{1,2})\s?([./-])\s?(\d{1,2})\s?\2\s?(\d{4}|\d{2})$/u.exec(text);
  if (match === null) return undefined;
  const [, first, mark, second, year] = match;
  if (order === 'month/day/year' && mark !== '.') return calendarDate(year, first, second);
  if (order === 'day/month/year' || mark === '.' || first === second || Number(first) > 12) {
    return calendarDate(year, second, first);
  }
  if (Number(second) > 12) return calendarDate(year, first, second);
  return { complaint: 'may be day/month or month/day; the field says which with format' };
}

function calendarDate(
  year: string | undefined,
  month: string | undefined,
  day: string | undefined,
): ParsedDate {
  const fullYear = year?.length === 2 ? 2000 + Number(year) - (Number(year) >= 70 ? 100 : 0) : Number(year);
  const date = new Date(Date.UTC(fullYear, Number(month) - 1, Number(day)));
  const exists =
    fullYear >= 1000 &&
    date.getUTCFullYear() === fullYear &&
    date.getUTCMonth() === Number(month) - 1 &&
    date.getUTCDate() === Number(day);
  return exists ? { date: date.toISOString().slice(0, 10) } : NO_DATE;
}
