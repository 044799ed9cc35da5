import { describe, expect, it } from '@jest/globals';
import type { ScheduleForm } from '@longshore/contracts';
import { decide, MISSED, type DueSchedule } from './decide.ts';
import { dueAfter } from './jitter.ts';

const at = (text: string) => Date.parse(`2026-01-01T${text}Z`);
const short = (moment: number | null) => moment && new Date(moment).toISOString().slice(11, 19);

/** What is decided at that moment about a schedule whose next time is 10:00, every ten minutes unless told otherwise. */
function decided(form: ScheduleForm, now: string, over: Partial<DueSchedule> = {}) {
  const schedule = {
    id: 'x',
    nextAt: at('10:00:00'),
    dueAt: at('10:00:00'),
    isLive: false,
    waiting: 0,
    ...over,
  };
  const { decisions, nextAt, dueAt, blocked } = decide(
    { ...schedule, form: { every: '10m', ...form } },
    at(now),
  );
  const lines = decisions.map(({ fireAt, outcome, lastAt, count }) =>
    [outcome, short(fireAt), ...(lastAt === null ? [] : [short(lastAt), count])].join(' '),
  );
  return { lines, next: short(nextAt), due: dueAt, blocked };
}

describe('a schedule whose time has come', () => {
  it('fires once, and is due next at the next time', () => {
    expect(decided({}, '10:00:02')).toMatchObject({
      lines: ['fired 10:00:00'],
      next: '10:10:00',
      due: at('10:10:00'),
    });
  });

  it('that is a little late fires all the same, and ends with its last time', () => {
    const ending = { ends_at: '2026-01-01T10:05:00Z' };
    expect(decided(ending, '10:00:59')).toMatchObject({ lines: ['fired 10:00:00'], next: null, due: null });
  });

  it('fires as late as its jitter says, and counts its next times from there', () => {
    const form = { every: '10m', jitter: '5m' };
    const dueAt = dueAfter('x', form, at('10:00:00'));
    expect(dueAt).toBeGreaterThanOrEqual(at('10:00:00'));
    expect(dueAt).toBeLessThan(at('10:05:00'));
    const { lines, due } = decided(form, new Date(dueAt).toISOString().slice(11, 23), { dueAt });
    expect(lines).toEqual(['fired 10:00:00']);
    expect(due).toBe(dueAfter('x', form, at('10:10:00')));
  });
});

describe('times at which nobody was there', () => {
  const DOWN_UNTIL = '10:35:00';

  it('are skipped by default, and told in one line', () => {
    expect(decided({}, DOWN_UNTIL)).toMatchObject({
      lines: ['skipped 10:00:00 10:30:00 4'],
      next: '10:40:00',
    });
    expect(decided({}, '10:30:30').lines).toEqual(['skipped 10:00:00 10:20:00 3', 'fired 10:30:00']);
  });

  it('are made up for by the latest', () => {
    const lines = ['skipped 10:00:00 10:20:00 3', 'fired 10:30:00'];
    expect(decided({ catch_up: 'latest' }, DOWN_UNTIL)).toMatchObject({ lines, next: '10:40:00' });
  });

  it('are made up for by all', () => {
    const lines = ['10:00', '10:10', '10:20', '10:30'].map((time) => `fired ${time}:00`);
    expect(decided({ catch_up: 'all', overlap: 'allow' }, DOWN_UNTIL).lines).toEqual(lines);
  });

  it('are made up for by the newest hundred of many', () => {
    const form: ScheduleForm = { every: '1s', catch_up: 'all', overlap: 'allow' };
    const { lines, next } = decided(form, '12:00:00');
    expect(lines).toHaveLength(101);
    expect(lines[0]).toBe('skipped 10:00:00 11:58:20 7101');
    expect([lines[1], lines.at(-1), next]).toEqual(['fired 11:58:21', 'fired 12:00:00', '12:00:01']);
  });

  it('of cron are counted as far as that is quick', () => {
    const cron = { every: undefined, cron: '*/10 * * * *' } as unknown as ScheduleForm;
    const [line] = decide({ ...base, form: cron }, at('10:35:00')).decisions;
    expect(line).toMatchObject({ reason: MISSED, lastAt: at('10:30:00'), count: 4 });
    expect(decide({ ...base, form: { cron: '* * * * * *' } }, at('20:00:00')).decisions[0]!.count).toBeNull();
  });

  const base = { id: 'x', nextAt: at('10:00:00'), dueAt: at('10:00:00'), isLive: false, waiting: 0 };
});

describe('while an earlier one has not ended', () => {
  it('a firing is skipped by default', () => {
    expect(decided({}, '10:00:01', { isLive: true }).lines).toEqual(['skipped 10:00:00']);
  });

  it('a firing waits, and so does the next', () => {
    const form: ScheduleForm = { overlap: 'queue' };
    expect(decided(form, '10:00:01', { isLive: true }).lines).toEqual(['waiting 10:00:00']);
    expect(decided(form, '10:00:01', { waiting: 1 }).lines).toEqual(['waiting 10:00:00']);
    expect(decided(form, '10:00:01', { isLive: true, waiting: 100 }).lines).toEqual(['skipped 10:00:00']);
    const all = decided({ ...form, catch_up: 'all' }, '10:25:00').lines;
    expect(all).toEqual(['fired 10:00:00', 'waiting 10:10:00', 'waiting 10:20:00']);
  });

  it('a firing that replaces it stays due until that has ended', () => {
    const form: ScheduleForm = { overlap: 'replace' };
    expect(decided(form, '10:00:01', { isLive: true })).toMatchObject({
      lines: [],
      next: '10:00:00',
      blocked: true,
    });
    expect(decided(form, '10:00:01')).toMatchObject({ lines: ['fired 10:00:00'], blocked: false });
    // What is not fired replaces nothing.
    expect(decided(form, '10:05:00', { isLive: true })).toMatchObject({
      lines: ['skipped 10:00:00 10:00:00 1'],
    });
  });

  it('a firing is allowed beside it', () => {
    expect(decided({ overlap: 'allow' }, '10:00:01', { isLive: true }).lines).toEqual(['fired 10:00:00']);
  });

  it('of many that are made up for one fires, as only one may be under way', () => {
    const { lines } = decided({ catch_up: 'all' }, '10:25:00');
    expect(lines).toEqual(['fired 10:00:00', 'skipped 10:10:00', 'skipped 10:20:00']);
    const replaced = decided({ catch_up: 'all', overlap: 'replace' }, '10:25:00').lines;
    expect(replaced).toEqual(['skipped 10:00:00', 'skipped 10:10:00', 'fired 10:20:00']);
  });
});
