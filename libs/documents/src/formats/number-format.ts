import { format, getFormatDateInfo, isDateFormat } from 'numfmt';
import { parseDate } from '../values/date.ts';

/** Longer ones are cut off by spreadsheet programs. */
const MAX_PATTERN = 255;
/** Days between the two first days that workbooks count from. */
const DAYS_BEFORE_1904 = 1462;
const DAYS_BEFORE_1970 = 25_569;
/** Workbooks count a 29th of February 1900, which never was. */
const DAY_TOO_MUCH = 60;
const DAY_MS = 86_400_000;

export type ShowNumber = (value: number) => string;

/**
 * Prepares how a sheet shows numbers of a format: `12.5` as `12.50 €` or `13%`, `46082` as a date.
 *
 * Two things are not as on the screen. Without a format a number has all its digits, since a long one is an identifier
 * sooner than 1.2E+12. And a date that shows its day and month as mere numbers in an order one has to know is written
 * as year-month-day: that order depends on the machine that shows it.
 */
export function numberFormat(pattern: string, date1904: boolean): ShowNumber {
  if (pattern === '' || pattern.length > MAX_PATTERN || /^general$/iu.test(pattern)) return plainNumber;
  if (!isDate(pattern)) return (value) => formatted(pattern, value) ?? plainNumber(value);
  const { year, month, day, hours } = getFormatDateInfo(pattern);
  return (value) => {
    const serial = date1904 ? value + DAYS_BEFORE_1904 : value;
    const seen = formatted(pattern, serial);
    if (seen === undefined) return plainNumber(value);
    return year && month && day ? unambiguous(seen, serial, hours) : seen;
  };
}

function isDate(pattern: string): boolean {
  try {
    return isDateFormat(pattern);
  } catch {
    // A pattern that is none shows the number as it is.
    return false;
  }
}

/** What the library makes of it, or undefined for a pattern that it does not understand. */
function formatted(pattern: string, value: number): string | undefined {
  try {
    return format(pattern, value, { dateErrorNumber: true }).trim();
  } catch {
    return undefined;
  }
}

/** As many digits as the number really has: beyond the fifteenth it is the machine's rounding. */
export function plainNumber(value: number): string {
  return String(Number(value.toPrecision(15)));
}

function unambiguous(seen: string, serial: number, withTime: boolean): string {
  if (serial < 0) return seen;
  const days = serial < DAY_TOO_MUCH ? serial + 1 : serial;
  const date = new Date(Math.round(((days - DAYS_BEFORE_1970) * DAY_MS) / 1000) * 1000);
  if (Number.isNaN(date.getTime())) return seen;
  const iso = date.toISOString();
  // Only what begins with the year may keep its time: everything else is written anew.
  const read = withTime && !/^\d{4}/u.test(seen) ? {} : parseDate(seen);
  if ('date' in read && read.date === iso.slice(0, 10)) return seen;
  return withTime ? iso.slice(0, 19).replace('T', ' ') : iso.slice(0, 10);
}
