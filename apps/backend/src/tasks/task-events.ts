import type { Clock } from '@longshore/runtime';
import type { ExecutionWaiters } from '../executions/waiters.ts';
import type { Database } from '../store/database.ts';
import {
  CLOSED,
  LINES_AT_ONCE,
  markOf,
  readLinesAfter,
  readStanding,
  type Cursor,
  type Standing,
} from './event-news.ts';
import { createLineMemory } from './line-memory.ts';
import { readPastAttempts } from './past-attempts.ts';
import type { TaskWatch } from './task-watch.ts';

export interface TaskEvent {
  readonly event: 'status' | 'log' | 'attempt' | 'progress' | 'end';
  readonly data: unknown;
  /** Where a stream goes on that saw this one last. */
  readonly cursor: Cursor;
}

export interface TaskEventsDependencies {
  readonly database: Database;
  readonly watch: TaskWatch;
  readonly waiters: Pick<ExecutionWaiters, 'wait'>;
  readonly clock: Pick<Clock, 'monotonic'>;
}

export interface Following {
  readonly taskId: string;
  readonly from: Cursor;
  /** Fires when nobody listens any more. */
  readonly signal: AbortSignal;
}

/** Workers send what was said last a moment after the end, and what was much goes on coming. */
const AFTERWORD_MS = 1_500;
/** Whatever still comes then is for who reads the log. */
const LONGEST_AFTERWORD_MS = 30_000;
/** A stream in which nothing happens says so after this time. */
export const QUIET_MS = 15_000;

/**
 * What happens to a task: what was said of it so far, then what comes, and last `end`, once. Null: nothing happened for
 * {@link QUIET_MS}. It asks first whether the task has ended and reads its log afterwards, so that nothing is told after the end.
 */
export async function* taskEvents(
  dependencies: TaskEventsDependencies,
  { taskId, from, signal }: Following,
): AsyncGenerator<TaskEvent | null> {
  const { database } = dependencies;
  const alarm = createAlarm(dependencies, taskId);
  const memory = createLineMemory(dependencies.clock, from.line);
  let { epoch } = from;
  let told: Told = { mark: from.told, status: '', progress: undefined };
  let lastLineAt = 0;
  try {
    while (!signal.aborted) {
      const standing = await readStanding(database, taskId);
      for (let isMore = true; isMore && !signal.aborted;) {
        const lines = await readLinesAfter(database, taskId, memory.after());
        isMore = lines.length === LINES_AT_ONCE;
        for (const { at, ...line } of memory.unknown(lines)) {
          lastLineAt = at.getTime();
          const cursor = { line: memory.last(), told: told.mark, epoch };
          yield { event: 'log', data: { ...line, at: at.toISOString() }, cursor };
        }
      }
      if (standing === null) {
        yield endOf(taskId, 'deleted', { line: memory.last(), epoch });
        return;
      }
      // The latest start may have ended already, and wait to be begun again.
      const attempts = standing.epoch > epoch ? await readPastAttempts(database, taskId, epoch) : [];
      for (const { epoch: its, ...attempt } of attempts) {
        epoch = its;
        yield { event: 'attempt', data: attempt, cursor: { line: memory.last(), told: told.mark, epoch } };
      }
      const news = newsOf(standing, told);
      told = {
        mark: markOf(standing),
        status: statusText(standing),
        progress: JSON.stringify(standing.progress),
      };
      for (const item of news)
        yield {
          ...item,
          cursor: { line: memory.last(), told: item === news.at(-1) ? told.mark : '', epoch },
        };
      const afterwordMs = afterwordLeft(standing, lastLineAt);
      if (afterwordMs !== null && afterwordMs <= 0) {
        yield endOf(taskId, standing, { line: memory.last(), epoch });
        return;
      }
      const woken = await alarm.wait(afterwordMs ?? QUIET_MS, signal);
      if (!woken && afterwordMs === null) yield null;
    }
  } finally {
    alarm.stop();
  }
}

/** How long something may still be said of a task, ms, by the time of its last line; null while it goes on. */
function afterwordLeft(
  { startedAt, finishedAt, endedMsAgo }: Pick<Standing, 'startedAt' | 'finishedAt' | 'endedMsAgo'>,
  lastLineAt: number,
): number | null {
  if (endedMsAgo === null) return null;
  if (startedAt === null || finishedAt === null || endedMsAgo >= LONGEST_AFTERWORD_MS) return 0;
  const silentMs = Math.min(endedMsAgo, finishedAt.getTime() + endedMsAgo - lastLineAt);
  return AFTERWORD_MS - silentMs;
}

/** What a stream said last. `mark` is known of an earlier connection, too. */
interface Told {
  readonly mark: string;
  readonly status: string;
  readonly progress: string | undefined;
}

function statusText({ status, attempt }: Standing): string {
  return `${status} ${attempt}`;
}

function newsOf(standing: Standing, told: Told): Pick<TaskEvent, 'event' | 'data'>[] {
  if (markOf(standing) === told.mark) return [];
  const { status, attempt, progress } = standing;
  const isNewStatus = statusText(standing) !== told.status;
  const isNewProgress = progress !== null && JSON.stringify(progress) !== told.progress;
  return [
    ...(isNewStatus ? [{ event: 'status' as const, data: { status, attempt } }] : []),
    ...(isNewProgress ? [{ event: 'progress' as const, data: progress }] : []),
  ];
}

function endOf(
  taskId: string,
  standing: Standing | 'deleted',
  where: Pick<Cursor, 'line' | 'epoch'>,
): TaskEvent {
  const cursor = { ...where, told: CLOSED };
  if (standing === 'deleted') return { event: 'end', data: { task_id: taskId, status: 'deleted' }, cursor };
  const { status, startedAt, finishedAt, error } = standing;
  const [started_at, finished_at] = [startedAt, finishedAt].map((moment) => moment?.toISOString() ?? null);
  return { event: 'end', data: { task_id: taskId, status, started_at, finished_at, error }, cursor };
}

/** Rings when something may be new. What rings while nobody waits is not lost. */
function createAlarm({ watch, waiters }: TaskEventsDependencies, taskId: string) {
  let rung = false;
  let ring: (() => void) | null = null;
  const stop = watch.watch(taskId, () => {
    rung = true;
    ring?.();
  });
  return {
    stop,
    /** True when it rang, false after `ms` or when the signal fires. */
    async wait(ms: number, signal: AbortSignal): Promise<boolean> {
      if (!rung) {
        const bell = new AbortController();
        ring = () => bell.abort();
        const ended = await waiters.wait(taskId, Math.max(1, ms), AbortSignal.any([bell.signal, signal]));
        ring = null;
        if (!ended && !rung) return false;
      }
      rung = false;
      return true;
    },
  };
}
