import { durationMs, type ScheduleForm } from '@longshore/contracts';
import { Cron } from 'croner';

/** When a schedule fires: moments in ms since 1970. */
export interface Timing {
  /** The first moment after that one; null: there is none. */
  next(after: number): number | null;
  /** The newest moments up to and including that one, oldest first, at most so many. */
  upTo(last: number, most: number): number[];
}

type When = Pick<ScheduleForm, 'cron' | 'every' | 'time_zone' | 'starts_at' | 'ends_at'>;

/** Five fields, six with seconds in front, or a name. The parser alone would take a date, too. */
const CRON_SHAPE = /^\s*(?:@[a-z]+|\S+(?:\s+\S+){4,5})\s*$/i;
const MOST_KEPT = 5_000;

/** Parsing is half the cost of a computation. */
const parsed = new Map<string, Cron>();

/**
 * A job whose seconds, minutes and hours are all named is for these times of the day: one that the clock leaves out is made up for at the
 * first moment after the gap, one that comes twice is served once. Any other job goes with the clock on the wall.
 */
function cronOf(expression: string, timezone: string): Cron {
  const name = `${timezone} ${expression}`;
  const known = parsed.get(name);
  if (known !== undefined) return known;
  const cron = new Cron(expression, {
    timezone,
    paused: true,
    mode: '5-or-6-parts',
    fixedTimeRule: 'no-wildcard',
  });
  if (parsed.size >= MOST_KEPT) parsed.clear();
  parsed.set(name, cron);
  return cron;
}

/** @throws when the expression or the time zone is none; see {@link complaintAboutTiming}. */
export function timingOf({ cron, every, time_zone: zone = 'UTC', starts_at, ends_at }: When): Timing {
  const from = starts_at === undefined ? -Infinity : Date.parse(starts_at);
  const to = ends_at === undefined ? Infinity : Date.parse(ends_at);
  const unbounded =
    cron === undefined ? ofInterval(durationMs(every!), starts_at) : ofCron(cronOf(cron, zone));
  return {
    next(after) {
      const next = unbounded.next(Math.max(after, from - 1));
      return next === null || next > to ? null : next;
    },
    upTo: (last, most) => unbounded.upTo(Math.min(last, to), most).filter((moment) => moment >= from),
  };
}

/** The parser counts whole seconds. */
function ofCron(cron: Cron): Timing {
  return {
    next: (after) => cron.nextRun(new Date(Math.floor(after / 1000) * 1000))?.getTime() ?? null,
    upTo: (last, most) =>
      cron
        .previousRuns(most, new Date(Math.floor(last / 1000) * 1000 + 1000))
        .map((date) => date.getTime())
        .sort((one, other) => one - other),
  };
}

/** Multiples of the interval from a fixed moment on: whatever happens, nothing drifts. */
function ofInterval(ms: number, startsAt: string | undefined): Timing {
  const anchor = startsAt === undefined ? 0 : Date.parse(startsAt);
  return {
    next: (after) => anchor + (Math.floor((after - anchor) / ms) + 1) * ms,
    upTo(last, most) {
      const newest = anchor + Math.floor((last - anchor) / ms) * ms;
      return Array.from({ length: most }, (_, back) => newest - (most - 1 - back) * ms);
    },
  };
}

/** What is wrong with the times of a schedule, and with which key of it; null when it will fire. `now`: ms since 1970. */
export function complaintAboutTiming(when: When, now: number): { path: string; message: string } | null {
  const { cron, time_zone: zone, ends_at } = when;
  if (zone !== undefined && !isTimeZone(zone))
    return { path: 'time_zone', message: `There is no time zone "${zone}": write one as Europe/Berlin` };
  const wrong = cron === undefined ? null : complaintAboutCron(cron);
  if (wrong !== null) return { path: 'cron', message: wrong };
  if (timingOf(when).next(now) !== null) return null;
  if (ends_at !== undefined)
    return { path: 'ends_at', message: 'There is no time left before this at which it would fire' };
  return { path: 'cron', message: 'It would never fire: there is no such day' };
}

/** Offsets are no time zones: they know of no daylight saving. */
function isTimeZone(zone: string): boolean {
  if (!/^[a-z]/i.test(zone)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

function complaintAboutCron(expression: string): string | null {
  if (!CRON_SHAPE.test(expression))
    return 'A cron expression has five fields (minute, hour, day, month, day of the week), or six with seconds in front';
  try {
    cronOf(expression, 'UTC');
    return null;
  } catch (error) {
    return `It is no cron expression: ${(error as Error).message.replace(/^CronPattern: /, '')}`;
  }
}
