import type { ScheduleForm } from '@longshore/contracts';
import { dueAfter } from './jitter.ts';
import { timingOf, type Timing } from './timing.ts';

/** A schedule whose time has come, as the database knows it. Moments are ms since 1970. */
export interface DueSchedule {
  readonly id: string;
  readonly form: ScheduleForm;
  readonly nextAt: number;
  readonly dueAt: number;
  /** Whether something that it fired has not ended. */
  readonly isLive: boolean;
  readonly waiting: number;
}

/** What becomes of one time, or of many in a row that are skipped. */
export interface Decision {
  readonly fireAt: number;
  readonly outcome: 'fired' | 'waiting' | 'skipped' | 'failed';
  readonly reason: string | null;
  /** Of many: the last. */
  readonly lastAt: number | null;
  /** Null: more than were counted. */
  readonly count: number | null;
}

/** `blocked`: what it replaces has to be cancelled first, and it stays due. */
export interface Decided {
  readonly decisions: readonly Decision[];
  readonly nextAt: number | null;
  readonly dueAt: number | null;
  readonly blocked: boolean;
}

/** So many missed times are made up for at most: the newest. */
const MOST_CAUGHT_UP = 100;
/** So many firings of one schedule wait for earlier ones at most. */
const MOST_WAITING = 100;
/** What is late by no more counts as in time: a backend that starts anew misses nothing. Above it the catch-up rule says. */
const IN_TIME_MS = 60_000;

export const MISSED = 'Nobody was there to fire it';
const OVERLAP = 'An earlier one had not ended';
const TOO_MANY_WAIT = `${MOST_WAITING} firings waited already`;
const REPLACED = 'A later one replaced it';

/** Decides about all times of a schedule that have come, and when it is due next. Pure. */
export function decide(schedule: DueSchedule, now: number): Decided {
  const { form, nextAt, dueAt, id } = schedule;
  const timing = timingOf(form);
  // The times that have come, seen from where the jitter of this one puts it; it is one of them itself.
  const passed = Math.max(nextAt, now - Math.max(0, dueAt - nextAt));
  const times = timesFrom(nextAt, passed, { timing, most: form.catch_up === 'all' ? MOST_CAUGHT_UP : 1 });
  const wanted =
    form.catch_up === undefined || form.catch_up === 'skip' ? times.filter(isInTime(passed)) : times;
  const missed = missedBefore(schedule, wanted[0] ?? null, times.at(-1)!);
  const decisions = [...missed, ...decideOverlaps(schedule, wanted)];
  if (form.overlap === 'replace' && schedule.isLive && wanted.length > 0)
    return { decisions: [], nextAt, dueAt, blocked: true };
  const after = timing.next(times.at(-1)!);
  return {
    decisions,
    nextAt: after,
    dueAt: after === null ? null : dueAfter(id, form, after),
    blocked: false,
  };
}

/** The newest times from that one to the last that has come, at most so many; one there always is. */
function timesFrom(
  first: number,
  passed: number,
  { timing, most }: { timing: Timing; most: number },
): number[] {
  const times = [first];
  for (let at = timing.next(first); at !== null && at <= passed; at = timing.next(at)) {
    // Backwards from the end is quicker than through all of them.
    if (times.length === most) return timing.upTo(passed, most).filter((moment) => moment >= first);
    times.push(at);
  }
  return times;
}

function isInTime(passed: number): (moment: number) => boolean {
  return (moment) => passed - moment <= IN_TIME_MS;
}

/** One line for all that is not made up for: from the first to the last before `until`. */
function missedBefore({ form, nextAt }: DueSchedule, until: number | null, newest: number): Decision[] {
  if (until === nextAt) return [];
  const timing = timingOf(form);
  const [lastAt] = until === null ? [newest] : timing.upTo(until - 1, 1);
  if (lastAt === undefined || lastAt < nextAt) return [];
  return [
    { fireAt: nextAt, outcome: 'skipped', reason: MISSED, lastAt, count: countOf(form, nextAt, lastAt) },
  ];
}

/** Intervals are counted by a division, of cron only what is near: counting costs about 50 µs each. */
const MOST_COUNTED = 20;

function countOf(form: ScheduleForm, from: number, to: number): number | null {
  const timing = timingOf(form);
  if (form.every !== undefined) return Math.round((to - from) / (timing.next(from)! - from)) + 1;
  let count = 0;
  for (let moment: number | null = from; moment !== null && moment <= to; moment = timing.next(moment)) {
    count += 1;
    if (count > MOST_COUNTED) return null;
  }
  return count;
}

function decideOverlaps(schedule: DueSchedule, times: readonly number[]): Decision[] {
  const { form, waiting } = schedule;
  const one = (fireAt: number, outcome: Decision['outcome'], reason: string | null = null): Decision => ({
    ...{ fireAt, outcome, reason },
    ...{ lastAt: null, count: 1 },
  });
  switch (form.overlap ?? 'skip') {
    case 'allow':
      return times.map((time) => one(time, 'fired'));
    case 'replace':
      return times.map((time, index) =>
        index === times.length - 1 ? one(time, 'fired') : one(time, 'skipped', REPLACED),
      );
    case 'skip':
      return times.map((time, index) =>
        index === 0 && !schedule.isLive ? one(time, 'fired') : one(time, 'skipped', OVERLAP),
      );
    case 'queue': {
      const isFree = !schedule.isLive && waiting === 0;
      return times.map((time, index) => {
        if (index === 0 && isFree) return one(time, 'fired');
        const ahead = waiting + index - (isFree ? 1 : 0);
        return ahead < MOST_WAITING ? one(time, 'waiting', OVERLAP) : one(time, 'skipped', TOO_MANY_WAIT);
      });
    }
  }
}
