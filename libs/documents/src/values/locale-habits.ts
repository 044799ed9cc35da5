import type { DateOrder } from './date.ts';
import type { DecimalMark } from './number.ts';

/** How people of a country write what can be read in two ways. */
export interface LocaleHabits {
  readonly decimal?: DecimalMark;
  readonly order?: DateOrder;
}

/** The habits of a locale such as `de-DE` or `en`. */
export function localeHabits(locale: string | undefined): LocaleHabits {
  if (locale === undefined) return {};
  const decimal = new Intl.NumberFormat(locale)
    .formatToParts(1.5)
    .find(({ type }) => type === 'decimal')?.value;
  const parts = new Intl.DateTimeFormat(locale, { dateStyle: 'short', calendar: 'gregory' })
    .formatToParts(0)
    .map(({ type }) => type);
  const order = parts.indexOf('month') < parts.indexOf('day') ? 'month/day/year' : 'day/month/year';
  return decimal === '.' || decimal === ',' ? { decimal, order } : { order };
}
