import { describe, expect, it } from '@jest/globals';
import { parseDate } from './date.ts';

describe('a date', () => {
  it.each([
    '2026-03-01',
    '20260301',
    '2026/03/01',
    '2026-03-01T10:30:00Z',
    '01.03.2026',
    '1.3.26',
    '1 March 2026',
    '1st of March, 2026',
    'March 1, 2026',
    'Mar. 1st 2026',
    '1-Mar-26',
    '01 MAR 2026',
    'Sunday, 1 March 2026',
    'Sunday, March 1, 2026',
    '1. März 2026',
    '1er mars 2026',
    '1 de marzo de 2026',
  ])('%s is the first of March', (text) => {
    expect(parseDate(text)).toEqual({ date: '2026-03-01' });
  });

  it('is refused while day and month are open, and read once the order is told', () => {
    expect(parseDate('03/01/2026')).toEqual({ complaint: expect.stringContaining('format') });
    expect(parseDate('03/01/2026', 'month/day/year')).toEqual({ date: '2026-03-01' });
    expect(parseDate('03/01/2026', 'day/month/year')).toEqual({ date: '2026-01-03' });
    expect(parseDate('13/01/2026')).toEqual({ date: '2026-01-13' });
    expect(parseDate('01/13/2026')).toEqual({ date: '2026-01-13' });
    expect(parseDate('05-05-2026')).toEqual({ date: '2026-05-05' });
  });

  it.each(['31.02.2026', '2026-13-01', '29 February 2025', 'soon', '12', '1 Foo 2026', '13/13/2026', ''])(
    '%s is none',
    (text) => {
      expect(parseDate(text)).toEqual({ complaint: 'is not a date' });
    },
  );
});

describe('a date as it is written elsewhere', () => {
  it.each([
    ['2026年3月1日', '2026-03-01'],
    ['Bremen, den 3. Februar 2026', '2026-02-03'],
    ['01.03.2026 14:30 Uhr', '2026-03-01'],
    ['le 1er févr. 2026', '2026-02-01'],
    ['12 de marzo del 2026', '2026-03-12'],
    ['Milano, 15 gennaio 2026', '2026-01-15'],
    ['5 maart 2026', '2026-03-05'],
    ['March 1, 2026 3:15 PM', '2026-03-01'],
  ])('%s is %s', (text, date) => {
    expect(parseDate(text)).toEqual({ date });
  });

  it('lets a habit settle only what is open', () => {
    expect(parseDate('03/04/2026', undefined, 'day/month/year')).toEqual({ date: '2026-04-03' });
    expect(parseDate('03/04/2026', undefined, 'month/day/year')).toEqual({ date: '2026-03-04' });
    expect(parseDate('25/03/2026', undefined, 'month/day/year')).toEqual({ date: '2026-03-25' });
    expect(parseDate('25/03/2026', 'month/day/year')).toEqual({ complaint: 'is not a date' });
  });
});
