import { createHash } from 'node:crypto';
import {
  isTerminal,
  type RunError,
  type RunState,
  type TaskProgress,
  type TaskStatus,
} from '@longshore/contracts';
import { attemptNumber } from '../runs/attempt-number.ts';
import type { Database } from '../store/database.ts';
import { familyRange } from '../store/family-ids.ts';
import { statusOf } from './task-reads.ts';

/** How far a stream has told of a task. */
export interface Cursor {
  /** The last line of the log. */
  readonly line: number;
  /** What was told of status and progress last, as a short text; `end` after the closing event. */
  readonly told: string;
  /** The last start of the task of whose end was told. */
  readonly epoch: number;
}

export const BEGINNING: Cursor = { line: 0, told: '', epoch: 0 };
/** After the closing event. */
export const CLOSED = 'end';

/** Where the stream with that last event goes on: at the beginning, when it is none of ours. */
export function cursorOf(lastEventId: string | undefined): Cursor {
  const match = /^(\d{1,15})\.([0-9a-f]{12}|end)(?:\.(\d{1,9}))?$/.exec(lastEventId ?? '');
  return match === null
    ? BEGINNING
    : { line: Number(match[1]), told: match[2]!, epoch: Number(match[3] ?? 0) };
}

export function eventId({ line, told, epoch }: Cursor): string {
  return `${line}.${told === '' ? '0'.repeat(12) : told}${epoch === 0 ? '' : `.${epoch}`}`;
}

/** Where a task stands, as its stream tells it. */
export interface Standing {
  readonly status: TaskStatus;
  /** Counts from 1 on. */
  readonly attempt: number;
  /** How often it was begun. */
  readonly epoch: number;
  readonly progress: TaskProgress | null;
  readonly error: RunError | null;
  /** Null before its end. */
  readonly endedMsAgo: number | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

interface StandingRow {
  state: RunState;
  attempts: number;
  fannedOut: boolean;
  epoch: number;
  progress: TaskProgress | null;
  error: RunError | null;
  is_due: boolean;
  started_at: Date | null;
  finished_at: Date | null;
  ended_ms_ago: number | null;
}

/** Null: the task was deleted. */
export async function readStanding(database: Database, taskId: string): Promise<Standing | null> {
  const [row] = await database.query<StandingRow & Record<string, unknown>>(
    `select r.state, r.attempts, r.continuation is not null as "fannedOut", r.epoch, r.progress, r.error, coalesce(t.run_at <= now(), true) as is_due,
            r.started_at, r.finished_at, (extract(epoch from clock_timestamp() - r.finished_at) * 1000)::float8 as ended_ms_ago
       from submitted_tasks t join runs r on r.id = t.id where t.id = $1`,
    [taskId],
  );
  if (row === undefined) return null;
  const { epoch, progress, error, started_at: startedAt, finished_at: finishedAt } = row;
  return {
    status: statusOf(row),
    attempt: attemptNumber(row),
    epoch,
    progress,
    // Between two attempts a run shows why the last one failed.
    error: isTerminal(row.state) ? error && { ...error, detail: null } : null,
    endedMsAgo: row.ended_ms_ago,
    ...{ startedAt, finishedAt },
  };
}

/** Status and progress as one short text, the same while neither changes. */
export function markOf({ status, attempt, progress }: Standing): string {
  return createHash('sha256')
    .update(JSON.stringify([status, attempt, progress]))
    .digest('hex')
    .slice(0, 12);
}

export interface TaskLine {
  readonly line: number;
  readonly run_id: string;
  readonly at: Date;
  readonly level: string;
  readonly message: string;
  readonly fields: unknown;
}

/** Lines that are read at once. */
export const LINES_AT_ONCE = 500;

/** What the runs of a task said after a line, the first said first; {@link LINES_AT_ONCE} at most. */
export async function readLinesAfter(database: Database, taskId: string, line: number): Promise<TaskLine[]> {
  const { from, to } = familyRange([taskId]);
  return await database.query<TaskLine & Record<string, unknown>>(
    `select l.id::float8 as line, l.run_id, l.at, l.level, l.message, l.fields
       from (select id from runs where id between $2::uuid and $3::uuid and root_id = $1) r
      cross join lateral (select * from run_logs w where w.run_id = r.id and w.id > $4 order by w.id limit $5) l
      order by l.id limit $5`,
    [taskId, from, to, line, LINES_AT_ONCE],
  );
}
