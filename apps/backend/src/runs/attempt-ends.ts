import type { Output, ReportAnswer, RunError, RunState } from '@longshore/contracts';
import type { Dispatcher, WrittenDispatch } from '../dispatch/dispatcher.ts';
import type { FollowUpPlan } from '../dispatch/publication-plan.ts';
import { sqlStateOf, type Database } from '../store/database.ts';
import { familyRange } from '../store/family-ids.ts';
import { jsonById } from '../store/json-by-id.ts';
import { endRuns, standingOfRuns } from './end-statement.ts';
import type { ExecutionWaiters } from '../executions/waiters.ts';

/** How one attempt ends, whoever says so: its worker, the reconciler, a hand-back. */
export interface AttemptEnd {
  readonly runId: string;
  readonly epoch: number;
  readonly executionId: string;
  readonly to: 'succeeded' | 'failed' | 'retry' | 'released' | 'lapsed' | 'cancelled';
  readonly output: Output | null;
  readonly error: RunError | null;
  readonly delayMs: number;
}

/** Answers what became of each end, in the order given. At most one end per run may be in a call. */
export type EndAttempts = (ends: readonly AttemptEnd[]) => Promise<ReportAnswer[]>;

export interface AttemptEndsDependencies {
  readonly database: Database;
  readonly dispatcher: Dispatcher;
  readonly waiters: ExecutionWaiters;
  readonly backendId: string;
}

/** What the end statement answers. */
export interface EndRow {
  moved: string[];
  dispatched: WrittenDispatch[];
  removed: Record<string, number>;
  ended_executions: string[];
}

/** Creates the one door through which attempts end (rules 5, 7, 8 of the design: guard, epoch, counters). */
export function createAttemptEnds(dependencies: AttemptEndsDependencies): EndAttempts {
  return async function endAttempts(ends) {
    if (ends.length === 0) return [];
    try {
      return await endTogether(dependencies, ends);
    } catch (error) {
      if (!isCausedByContent(error)) throw error;
      if (ends.length > 1) return await endInHalves(ends, endAttempts);
      return [await failUnstorable(dependencies, ends[0]!, error as Error)];
    }
  };
}

async function endTogether(
  dependencies: AttemptEndsDependencies,
  ends: readonly AttemptEnd[],
): Promise<ReportAnswer[]> {
  const { database, dispatcher, waiters } = dependencies;
  const plan = dispatcher.planFollowUps(followUpsOf(ends));
  try {
    const [row] = await database.hot<EndRow>(endRuns, endValues(dependencies, ends, plan));
    plan.release();
    dispatcher.committed(row!.dispatched, row!.removed);
    waiters.ended(row!.ended_executions);
    return await answersFor(database, ends, new Set(row!.moved));
  } catch (error) {
    plan.release();
    throw error;
  }
}

/** The values of the end statement. */
export function endValues(
  { dispatcher, backendId }: Pick<AttemptEndsDependencies, 'dispatcher' | 'backendId'>,
  ends: readonly AttemptEnd[],
  plan: FollowUpPlan,
): unknown[] {
  const ids = ends.map((end) => end.runId).sort();
  const range = familyRange(ids);
  return [
    jsonById(ends.map((end) => [end.runId, movement(end)])),
    ids,
    range.from,
    range.to,
    JSON.stringify(plan.parcelSizes),
    JSON.stringify(plan.targets),
    backendId,
    dispatcher.publicationTimeoutMs,
    jsonById(ends.map((end) => [end.runId, { output: end.output, error: end.error }])),
  ];
}

/** About how many dispatches a batch makes ready: one for each execution it touches, one for each retry. */
function followUpsOf(ends: readonly AttemptEnd[]): number {
  const again = ends.filter(
    (end) => end.to === 'retry' || end.to === 'released' || end.to === 'lapsed',
  ).length;
  return again + new Set(ends.map((end) => end.executionId)).size;
}

function movement(end: AttemptEnd): { epoch: number; to: AttemptEnd['to']; delay_ms: number } {
  return { epoch: end.epoch, to: end.to, delay_ms: end.delayMs };
}

async function answersFor(
  database: Database,
  ends: readonly AttemptEnd[],
  moved: ReadonlySet<string>,
): Promise<ReportAnswer[]> {
  const unmoved = ends.filter((end) => !moved.has(end.runId));
  const standing = unmoved.length === 0 ? new Map<string, Standing>() : await standingOf(database, unmoved);
  return ends.map((end) =>
    moved.has(end.runId) ? accepted(end.runId) : answerForUnmoved(end, standing.get(end.runId)),
  );
}

/** Where a run stands whose report moved nothing. */
export interface Standing {
  readonly epoch: number;
  readonly state: RunState;
}

/** The states in which a repeated report of that kind finds its own earlier effect. */
const effectOf: Record<AttemptEnd['to'], readonly RunState[]> = {
  succeeded: ['succeeded'],
  failed: ['failed'],
  retry: ['queued', 'failed'],
  released: ['queued'],
  lapsed: ['queued'],
  cancelled: ['cancelled'],
};

function answerForUnmoved(end: AttemptEnd, standing: Standing | undefined): ReportAnswer {
  if (standing === undefined) return superseded(end.runId, 'the run does not exist');
  if (standing.epoch === end.epoch && effectOf[end.to].includes(standing.state)) return accepted(end.runId);
  return superseded(end.runId, `the run is ${standing.state} in epoch ${standing.epoch}`);
}

/** Reads where runs stand, by id. */
export async function standingOf(
  database: Database,
  runs: readonly { runId: string }[],
): Promise<Map<string, Standing>> {
  const ids = runs.map((run) => run.runId).sort();
  const range = familyRange(ids);
  const rows = await database.hot<Standing & { id: string }>(standingOfRuns, [ids, range.from, range.to]);
  return new Map(rows.map((row) => [row.id, row]));
}

export function accepted(runId: string): ReportAnswer {
  return { run_id: runId, answer: 'accepted', reason: null };
}

export function superseded(runId: string, reason: string): ReportAnswer {
  return { run_id: runId, answer: 'superseded', reason };
}

/** Data exceptions, violated constraints and exceeded limits are the fault of an item, not of the database. */
export function isCausedByContent(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state !== undefined && ['22', '23', '54'].includes(state.slice(0, 2));
}

async function endInHalves(ends: readonly AttemptEnd[], endAttempts: EndAttempts): Promise<ReportAnswer[]> {
  const middle = Math.ceil(ends.length / 2);
  return [...(await endAttempts(ends.slice(0, middle))), ...(await endAttempts(ends.slice(middle)))];
}

async function failUnstorable(
  dependencies: AttemptEndsDependencies,
  end: AttemptEnd,
  cause: Error,
): Promise<ReportAnswer> {
  const reason = `the report could not be stored: ${cause.message}`;
  const error = { code: 'unstorable_report', message: reason, detail: null };
  await endTogether(dependencies, [{ ...end, to: 'failed', output: null, error }]);
  return { run_id: end.runId, answer: 'rejected', reason };
}
