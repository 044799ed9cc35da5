import { monthNumber } from './months.ts';

export type DateOrder = 'day/month/year' | 'month/day/year';

/** A date as YYYY-MM-DD, or the reason, worded to follow the text that was found. */
export type ParsedDate = { readonly date: string } | { readonly complaint: string };

const NO_DATE: ParsedDate = { complaint: 'is not a date' };

/** A weekday or a town in front, as in "Monday, 1 March 2026" and "Bremen, den 1. März 2026". */
const LEAD = /^(?:\p{L}[\p{L} .-]{1,30}?,\s*)?(?:(?:den|le|lo|il|el|the|on|am|vom)\s+)?(?=\S)/iu;
/** A time of day behind a date, which is dropped. */
const TIME =
  /(?:,?\s+(?:at|um|à|a las|alle)?\s*|T)\d{1,2}[:.h]\d{2}(?::\d{2})?(?:[.,]\d+)?\s*(?:Uhr|h|[AP]\.?M\.?|Z|[+-]\d{2}:?\d{2}|UTC|GMT|CES?T)?$/iu;
const ISO = /^(\d{4})(?:([-/.])(\d{1,2})\2(\d{1,2})|(\d{2})(\d{2}))(?:[T ]\d{2}:?\d{2}.*)?$/u;
const EAST_ASIAN = /^(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일]$/u;
const DAY_FIRST =
  /^(\d{1,2})(?:st|nd|rd|th|\.|er|[ºª°])?[\s/-]*(?:of\s+|de\s+|di\s+|d[’']\s*)?(\p{L}+)\.?,?[\s/-]*(?:del?\s+)?(\d{4}|\d{2})$/iu;
const MONTH_FIRST = /^(\p{L}+)\.?[\s-]+(\d{1,2})(?:st|nd|rd|th)?,?[\s-]+(\d{4}|\d{2})$/iu;

/**
 * Reads a calendar date: 2026-03-01, 2026年3月1日, 01.03.2026, 1 March 2026, March 1, 2026, 1-Mar-26, 03/01/2026; a weekday
 * or a town in front and a time of day behind are dropped. Points mean day first. Where slashes or dashes leave day and
 * month open, `order` decides; without it `usual` decides what is open then; without that the date is refused, because a
 * guess would be wrong without anybody noticing.
 */
export function parseDate(text: string, order?: DateOrder, usual?: DateOrder): ParsedDate {
  const whole = text.trim();
  const bare = whole.replace(TIME, '');
  return read(bare, order, usual) ?? read(bare.replace(LEAD, ''), order, usual) ?? NO_DATE;
}

function read(text: string, order?: DateOrder, usual?: DateOrder): ParsedDate | undefined {
  return yearFirst(text) ?? namedMonth(text) ?? digitsOnly(text, order, usual);
}

function yearFirst(text: string): ParsedDate | undefined {
  const iso = ISO.exec(text);
  if (iso !== null) return calendarDate(iso[1], iso[3] ?? iso[5], iso[4] ?? iso[6]);
  const eastAsian = EAST_ASIAN.exec(text.normalize('NFKC'));
  return eastAsian === null ? undefined : calendarDate(eastAsian[1], eastAsian[2], eastAsian[3]);
}

function namedMonth(text: string): ParsedDate | undefined {
  const dayFirst = DAY_FIRST.exec(text);
  const monthFirst = dayFirst === null ? MONTH_FIRST.exec(text) : null;
  const [, name, day] = monthFirst ?? [undefined, dayFirst?.[2], dayFirst?.[1]];
  const month = monthNumber(name ?? '');
  return month === undefined ? undefined : calendarDate((dayFirst ?? monthFirst)?.[3], month, day);
}

function digitsOnly(text: string, order?: DateOrder, usual?: DateOrder): ParsedDate | undefined {
  const match = /^(\d{1,2})\s?([./-])\s?(\d{1,2})\s?\2\s?(\d{4}|\d{2})$/u.exec(text);
  if (match === null) return undefined;
  const [, first, mark, second, year] = match;
  if (order === 'month/day/year' && mark !== '.') return calendarDate(year, first, second);
  if (order === 'day/month/year' || mark === '.' || first === second || Number(first) > 12) {
    return calendarDate(year, second, first);
  }
  if (Number(second) > 12 || usual === 'month/day/year') return calendarDate(year, first, second);
  if (usual === 'day/month/year') return calendarDate(year, second, first);
  return { complaint: 'may be day/month or month/day; the field says which with format' };
}

function calendarDate(
  year: string | undefined,
  month: string | number | undefined,
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
