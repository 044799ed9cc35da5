import { describe, expect, it } from '@jest/globals';
import { complaintAboutTiming, timingOf } from './timing.ts';

type When = Parameters<typeof timingOf>[0];

/** The next moments after that one. */
function times(when: When, after: string, count: number): string[] {
  const timing = timingOf(when);
  const found: string[] = [];
  for (let at = timing.next(Date.parse(after)); at !== null && found.length < count; at = timing.next(at))
    found.push(new Date(at).toISOString().slice(0, 16));
  return found;
}

const berlin = (cron: string): When => ({ cron, time_zone: 'Europe/Berlin' });
const newYork = (cron: string): When => ({ cron, time_zone: 'America/New_York' });
const lordHowe = (cron: string): When => ({ cron, time_zone: 'Australia/Lord_Howe' });

describe('a time of the day that the clock leaves out', () => {
  it('is made up for at the first moment after the gap', () => {
    expect(times(berlin('30 2 * * *'), '2026-03-28T00:00:00Z', 3)).toEqual([
      '2026-03-28T01:30',
      '2026-03-29T01:00',
      '2026-03-30T00:30',
    ]);
    expect(times(newYork('30 2 * * *'), '2026-03-08T00:00:00Z', 2)).toEqual([
      '2026-03-08T07:00',
      '2026-03-09T06:30',
    ]);
    expect(times(lordHowe('15 2 * * *'), '2026-10-03T00:00:00Z', 2)).toEqual([
      '2026-10-03T15:30',
      '2026-10-04T15:15',
    ]);
  });

  it('is made up for where midnight itself is left out', () => {
    const santiago = { cron: '0 0 * * *', time_zone: 'America/Santiago' };
    expect(times(santiago, '2026-09-05T12:00:00Z', 2)).toEqual(['2026-09-06T04:00', '2026-09-07T03:00']);
  });

  it('costs nothing that goes with the clock on the wall a beat', () => {
    expect(times(berlin('*/30 * * * *'), '2026-03-29T00:00:00Z', 4)).toEqual([
      '2026-03-29T00:30',
      '2026-03-29T01:00',
      '2026-03-29T01:30',
      '2026-03-29T02:00',
    ]);
  });
});

describe('a time of the day that comes twice', () => {
  it('is served once, the first time', () => {
    expect(times(berlin('30 2 * * *'), '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30',
      '2026-10-26T01:30',
    ]);
    expect(times(newYork('30 1 * * *'), '2026-10-31T12:00:00Z', 2)).toEqual([
      '2026-11-01T05:30',
      '2026-11-02T06:30',
    ]);
    expect(times(lordHowe('45 1 * * *'), '2026-04-04T00:00:00Z', 2)).toEqual([
      '2026-04-04T14:45',
      '2026-04-05T15:15',
    ]);
  });

  it('is served once, too, where it is one of several that are named', () => {
    expect(times(berlin('30 1,2 * * *'), '2026-10-24T22:00:00Z', 3)).toEqual([
      '2026-10-24T23:30',
      '2026-10-25T00:30',
      '2026-10-26T00:30',
    ]);
  });

  it('keeps the beat of what goes with the clock on the wall, in zones that shift by half an hour too', () => {
    const beat = times(lordHowe('*/10 * * * *'), '2026-04-04T14:00:00Z', 12).map((text) =>
      Date.parse(`${text}Z`),
    );
    expect(new Set(beat.slice(1).map((at, index) => at - beat[index]!))).toEqual(new Set([600_000]));
  });
});

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'America/Santiago',
  'Asia/Kathmandu',
];

/** From a little before each change of the clock to a little after it. */
const CHANGES = [
  '2026-03-07',
  '2026-03-28',
  '2026-04-03',
  '2026-09-05',
  '2026-10-03',
  '2026-10-24',
  '2026-10-31',
];

it.each(zones)(
  'backwards the same times are found as forwards, around every change of the clock in %s',
  (zone) => {
    for (const cron of ['30 2 * * *', '*/30 * * * *', '0 0 * * *', '15 1-3 * * *']) {
      const timing = timingOf({ cron, time_zone: zone });
      for (const from of CHANGES.map((day) => Date.parse(day))) {
        const forwards: number[] = [];
        for (let at = timing.next(from)!; at < from + 3 * 86_400_000; at = timing.next(at)!)
          forwards.push(at);
        const last = forwards.at(-1)!;
        expect(timing.upTo(last, forwards.length)).toEqual(forwards);
        expect(timing.upTo(last + 999, 2)).toEqual(forwards.slice(-2));
        expect(timing.upTo(last - 1, 1)).toEqual(forwards.slice(-2, -1));
      }
    }
  },
);

describe('an interval', () => {
  it('does not drift, whatever moment is asked', () => {
    const timing = timingOf({ every: '7s', starts_at: '2026-01-01T00:00:03Z' });
    const anchor = Date.parse('2026-01-01T00:00:03Z');
    for (const after of [anchor, anchor + 1, anchor + 6_999, anchor + 123_456_789]) {
      const next = timing.next(after)!;
      expect((next - anchor) % 7_000).toBe(0);
      expect(next).toBeGreaterThan(after);
      expect(next - after).toBeLessThanOrEqual(7_000);
    }
  });

  it('begins with its start, and at round times without one', () => {
    expect(times({ every: '1h30m', starts_at: '2030-05-01T10:10:00Z' }, '2026-01-01T00:00:00Z', 2)).toEqual([
      '2030-05-01T10:10',
      '2030-05-01T11:40',
    ]);
    expect(times({ every: '15m' }, '2026-01-01T10:01:02Z', 2)).toEqual([
      '2026-01-01T10:15',
      '2026-01-01T10:30',
    ]);
  });

  it('ends with its end, which counts', () => {
    const when = { every: '1h', starts_at: '2026-01-01T00:00:00Z', ends_at: '2026-01-01T02:00:00Z' };
    expect(times(when, '2025-01-01T00:00:00Z', 9)).toHaveLength(3);
    expect(timingOf(when).upTo(Date.parse('2027-01-01'), 9)).toHaveLength(3);
  });
});

describe('times that cannot be', () => {
  const now = Date.parse('2026-06-01T00:00:00Z');
  it.each([
    [{ cron: '0 0 30 2 *' }, 'cron', 'It would never fire: there is no such day'],
    [{ cron: '0 0 31 4,6 *' }, 'cron', 'It would never fire: there is no such day'],
    [{ cron: '60 * * * *' }, 'cron', 'It is no cron expression: Invalid value for minute: 60'],
    [{ cron: '* * * *' }, 'cron', /five fields/],
    [{ cron: '2026-12-01T00:00:00' }, 'cron', /five fields/],
    [{ cron: '* * * * * * 2027' }, 'cron', /five fields/],
    [{ cron: '@never' }, 'cron', /no cron expression/],
    [{ cron: 'a b c d e' }, 'cron', /no cron expression/],
    [{ cron: '0 0 * * *', time_zone: 'Europe/Atlantis' }, 'time_zone', /no time zone "Europe\/Atlantis"/],
    [{ cron: '0 0 * * *', time_zone: '+02:00' }, 'time_zone', /no time zone/],
    [{ cron: '0 0 1 1 *', ends_at: '2026-12-31T00:00:00Z' }, 'ends_at', /no time left/],
    [{ every: '1h', ends_at: '2026-05-01T00:00:00Z' }, 'ends_at', /no time left/],
  ] as [When, string, string | RegExp][])('%j is refused with a sentence', (when, path, message) => {
    const said = expect.stringMatching(message);
    expect(complaintAboutTiming(when, now)).toEqual({
      path,
      message: typeof message === 'string' ? message : said,
    });
  });

  it.each([
    { cron: '0 0 29 2 *' },
    { cron: '@daily' },
    { cron: '*/5 * * * * *' },
    { cron: '0 9 * * MON-FRI', time_zone: 'Asia/Kolkata' },
    { cron: '0 0 L * *' },
    { every: '1s' },
  ])('%j is none of them', (when) => {
    expect(complaintAboutTiming(when, now)).toBeNull();
  });
});
