import { uuidV7 } from '@longshore/runtime';
import { withRetry, type Database, type SqlClient } from '../store/database.ts';
import { decide, type Decided, type Decision } from './decide.ts';
import {
  beginWaiting,
  lockDueSchedules,
  lockFreeSchedules,
  moveSchedules,
  letFiringsWait,
  writeFirings,
} from './firing-statements.ts';
import { linesOf, type Line } from './history-lines.ts';
import type { Afterwards, MakeRuns, WantedRun } from './new-runs.ts';
import { timingOf } from './timing.ts';
import { dueAfter } from './jitter.ts';

/** A schedule that this transaction holds. */
export interface HeldSchedule extends Omit<WantedRun, 'runId'> {
  readonly id: string;
  readonly nextAt: Date | null;
  readonly dueAt: Date | null;
  readonly waiting: number;
  readonly skippedAt: Date | null;
  readonly skippedFor: string | null;
  readonly liveRuns: readonly string[];
  readonly now: Date;
  /** Null: it runs none. */
  readonly pipelineActive: boolean | null;
}

export interface FireDependencies {
  readonly database: Database;
  readonly makeRuns: MakeRuns;
}

/** Which schedules, and how many at most. Null: any. */
export interface Batch {
  readonly ids: readonly string[] | null;
  readonly most: number;
  /** Told of each that is held, so that it is known which ones a failure concerns. */
  readonly held?: (ids: readonly string[]) => void;
}

/** Schedules that were moved on, and runs that were made. `refused`: there was no room for more. */
export interface Fired {
  readonly schedules: number;
  readonly runs: number;
  readonly refused: number;
}

const NO_ROOM = 'Too many executions were unfinished';
const NOTHING: Fired = { schedules: 0, runs: 0, refused: 0 };
/** So many runs of one schedule that have not ended are kept in mind. */
const MOST_LIVE = 200;

/** What is written about one schedule. */
interface Plan {
  readonly held: HeldSchedule;
  readonly decided: Decided;
  readonly lines: Line[];
}

/**
 * Fires schedules that are due, in one transaction: each is moved on, and its line of history written with the run
 * that it makes. Whatever backends do, and wherever one is killed, all of it happened once or nothing did.
 */
export async function fireDue({ database, makeRuns }: FireDependencies, batch: Batch): Promise<Fired> {
  return await transactionThen(database, async (client, after) => {
    const { rows } = await client.query<HeldSchedule>({
      ...lockDueSchedules,
      values: [batch.ids, batch.most],
    });
    batch.held?.(rows.map(({ id }) => id));
    const plans = rows.map(planOf).filter(({ decided }) => !decided.blocked);
    if (plans.length === 0) return NOTHING;
    const isWritten = await writeLines(
      client,
      plans.flatMap(({ lines }) => lines),
    );
    const happening = plans.map((plan) => ({ ...plan, lines: plan.lines.filter(isWritten) }));
    const wanted = happening.flatMap(runsOf);
    const made = await makeRuns(client, wanted);
    after(made.afterwards);
    if (made.refused.size > 0) await client.query(letFiringsWait, [[...made.refused], NO_ROOM]);
    await move(
      client,
      happening.map((plan) => moveOf(plan, made.refused)),
    );
    const refused = made.refused.size;
    return { schedules: plans.length, runs: wanted.length - refused, refused };
  });
}

/** Begins firings that waited for earlier ones to end: one of each schedule of which nothing is under way. */
export async function fireWaiting({ database, makeRuns }: FireDependencies, most: number): Promise<Fired> {
  return await transactionThen(database, async (client, after) => {
    const { rows } = await client.query<HeldSchedule & { fireAt: Date | null }>({
      ...lockFreeSchedules,
      values: [most],
    });
    const chosen = rows.map((held) => ({ held, runId: uuidV7(), fireAt: held.fireAt }));
    if (chosen.length === 0) return NOTHING;
    const wanted = chosen.filter(({ fireAt, held }) => fireAt !== null && obstacleTo(held) === null);
    const made = await makeRuns(
      client,
      wanted.map(({ held, runId }) => ({ ...held, runId })),
    );
    after(made.afterwards);
    const begun = wanted.filter(({ runId }) => !made.refused.has(runId));
    const lines = begun.map(({ held, runId, fireAt }) => ({
      schedule_id: held.id,
      fire_at: fireAt,
      run_id: runId,
    }));
    await client.query(beginWaiting, [JSON.stringify(lines)]);
    const live = new Map(begun.map(({ held, runId }) => [held.id, [runId]]));
    await move(
      client,
      chosen.map(({ held }) => {
        const runs = live.get(held.id) ?? [];
        return { ...unmoved(held), live_runs: runs, fired: runs.length };
      }),
    );
    return { schedules: chosen.length, runs: begun.length, refused: made.refused.size };
  });
}

/** What cannot be fired for what it is, is told in the history, and must not keep others from firing. */
export async function giveUp({ database }: FireDependencies, id: string, reason: string): Promise<void> {
  await database.transaction(async (client) => {
    const { rows } = await client.query<HeldSchedule>({ ...lockDueSchedules, values: [[id], 1] });
    for (const held of rows) {
      const line = { ...failedLine(held, reason), fire_at: held.nextAt!, due_at: held.dueAt };
      await client.query({ ...writeFirings, values: [JSON.stringify([line])] });
      await move(client, [{ ...unmoved(held), ...nextOf(held) }]);
    }
  });
}

function nextOf({ id, form, now, nextAt }: HeldSchedule) {
  const next = timingOf(form).next(Math.max(now.getTime(), nextAt!.getTime()));
  return {
    next_at: next === null ? null : new Date(next),
    due_at: next === null ? null : new Date(dueAfter(id, form, next)),
  };
}

/**
 * A transaction, and what is to be done once it has ended, whichever way: the work says so with `after`. Sent again where it only
 * met others on its way.
 */
export async function transactionThen<T>(
  database: Database,
  work: (client: SqlClient, after: (afterwards: Afterwards) => void) => Promise<T>,
): Promise<T> {
  return await withRetry(async () => {
    const all: Afterwards[] = [];
    try {
      const result = await database.transaction((client) => work(client, (each) => void all.push(each)));
      for (const each of all.splice(0)) each.committed();
      return result;
    } finally {
      for (const each of all) each.rolledBack();
    }
  });
}

function planOf(held: HeldSchedule): Plan {
  const decided = decidedOf(held);
  const runs = new Map<Decision, string>();
  const obstacle = obstacleTo(held);
  if (obstacle === null)
    for (const decision of decided.decisions.filter(({ outcome }) => outcome === 'fired'))
      runs.set(decision, uuidV7());
  return { held, decided, lines: linesOf({ ...held, obstacle }, decided.decisions, runs) };
}

/** What a time zone is called may change with a release: whose times cannot be computed any more has ended, and keeps nobody waiting. */
function decidedOf(held: HeldSchedule): Decided {
  const nextAt = held.nextAt!.getTime();
  const about = { id: held.id, form: held.form, waiting: held.waiting, isLive: held.liveRuns.length > 0 };
  try {
    return decide({ ...about, nextAt, dueAt: held.dueAt!.getTime() }, held.now.getTime());
  } catch (error) {
    const reason = `Its times cannot be computed: ${(error as Error).message}`.slice(0, 1000);
    const failed = { fireAt: nextAt, outcome: 'failed' as const, reason, lastAt: null, count: 1 };
    return { decisions: [failed], nextAt: null, dueAt: null, blocked: false };
  }
}

/** Why nothing can be run; null: it can. That its pipeline is there is sure: without it there is no schedule. */
export function obstacleTo({ pipelineId, pipelineActive, queue }: HeldSchedule): string | null {
  if (pipelineId !== null) return pipelineActive === true ? null : 'The pipeline is not active';
  return queue === null ? 'No worker ever registered this type of task' : null;
}

/** Writes lines of history; tells which were written: a time that happened before does not happen again. */
async function writeLines(client: SqlClient, lines: readonly Line[]): Promise<(line: Line) => boolean> {
  const { rows } = await client.query<{ scheduleId: string; fireAt: Date }>({
    ...writeFirings,
    values: [JSON.stringify(lines)],
  });
  const written = new Set(rows.map(({ scheduleId, fireAt }) => `${scheduleId} ${fireAt.getTime()}`));
  return (line) => written.has(`${line.schedule_id} ${line.fire_at.getTime()}`);
}

function runsOf({ held, lines }: Plan): WantedRun[] {
  return lines.flatMap(({ run_id }) => (run_id === null ? [] : [{ ...held, runId: run_id }]));
}

function moveOf({ held, decided, lines }: Plan, refused: ReadonlySet<string>) {
  const made = lines.flatMap(({ run_id }) => (run_id === null || refused.has(run_id) ? [] : [run_id]));
  const last = lines.at(-1);
  const skipped = last?.outcome === 'skipped' ? last : undefined;
  return {
    ...unmoved(held),
    ...{ live_runs: [...held.liveRuns, ...made].slice(-MOST_LIVE), fired: made.length },
    next_at: decided.nextAt === null ? null : new Date(decided.nextAt),
    due_at: decided.dueAt === null ? null : new Date(decided.dueAt),
    skipped_at: skipped?.fire_at ?? null,
    skipped_for: skipped?.reason ?? null,
  };
}

function unmoved({ id, nextAt, dueAt, liveRuns, skippedAt, skippedFor }: HeldSchedule) {
  return {
    ...{ id, next_at: nextAt, due_at: dueAt, live_runs: liveRuns, fired: 0 },
    ...{ skipped_at: skippedAt, skipped_for: skippedFor },
  };
}

async function move(client: SqlClient, moves: readonly ReturnType<typeof unmoved>[]): Promise<void> {
  await client.query({ ...moveSchedules, values: [JSON.stringify(moves)] });
}

function failedLine({ id, organisationId }: HeldSchedule, reason: string) {
  return {
    ...{
      schedule_id: id,
      organisation_id: organisationId,
      outcome: 'failed' as const,
      reason: reason.slice(0, 1000),
    },
    ...{ by_hand: false, last_at: null, count: 1, run_id: null },
  };
}

/** Written with what asks for it. @returns the run */
export function byHand(held: HeldSchedule, fireAt: Date): { wanted: WantedRun; line: Line } {
  const runId = uuidV7();
  const line: Line = {
    ...{
      schedule_id: held.id,
      organisation_id: held.organisationId,
      fire_at: fireAt,
      outcome: 'fired',
      reason: null,
    },
    ...{ by_hand: true, last_at: null, count: 1, due_at: fireAt, run_id: runId },
  };
  return { wanted: { ...held, runId }, line };
}
