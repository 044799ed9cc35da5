import { isTerminal, type RunError, type RunState } from '@longshore/contracts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { FollowUpPlan } from '../dispatch/publication-plan.ts';
import type { ExecutionWaiters } from '../executions/waiters.ts';
import { withRetry, type Database, type SqlClient } from '../store/database.ts';
import { familyRange } from '../store/family-ids.ts';
import { endValues, type EndRow } from './attempt-ends.ts';
import { cancelRuns } from './cancel-statements.ts';
import { holdTree, type HeldTree, type TreeRun } from './cancel-locks.ts';
import { endRuns } from './end-statement.ts';

export interface CancelDependencies {
  readonly database: Database;
  readonly dispatcher: Dispatcher;
  readonly waiters: ExecutionWaiters;
  readonly backendId: string;
}

/** What became of the wish to cancel a run. */
export interface Cancelled {
  /** Where it stands now; always terminal. */
  readonly state: RunState;
  /** Runs that this call cancelled, itself included; 0 when it had ended before. */
  readonly runs: number;
}

/** How a tree is ended before its time. */
export interface TreeEnding {
  /** What the run itself becomes. */
  readonly to: 'cancelled' | 'failed';
  readonly error: RunError;
  /** What is said of the runs below it; all of them are cancelled. */
  readonly below: RunError;
}

/**
 * Cancels a run and all that is unfinished below it, in one transaction: from then on nothing of it can succeed, start or
 * make anything. What a worker has in its hands is told to it with its next heartbeat. To those above, a cancelled
 * child is one that ended; cancelling a continuation cancels the run that it finishes.
 *
 * Answers null when there is no such run. `ending`: default, it is cancelled.
 */
export type CancelRun = (runId: string, ending?: TreeEnding) => Promise<Cancelled | null>;

const ERROR = { code: 'cancelled', message: 'It was cancelled', detail: null };
const CANCELLED: TreeEnding = { to: 'cancelled', error: ERROR, below: ERROR };

export function createCancel(dependencies: CancelDependencies): CancelRun {
  const { database, dispatcher, waiters } = dependencies;
  return async function cancel(runId, ending = CANCELLED) {
    const top = await topmost(database, runId);
    if (top === null) return null;
    // What opens in its place, if it has siblings that wait for their turn, or the continuation of its parent.
    const plan = dispatcher.planFollowUps(1);
    try {
      const done = await withRetry(() =>
        database.transaction((client) => cancelTree(client, dependencies, { top, plan, ending })),
      );
      plan.release();
      for (const { dispatched, removed } of done.written) dispatcher.committed(dispatched, removed);
      waiters.ended(done.written.flatMap(({ ended_executions }) => ended_executions));
      return done.cancelled;
    } catch (error) {
      plan.release();
      throw error;
    }
  };
}

/** The run itself, or what it finishes when it is a continuation. What is whose parent never changes. */
async function topmost(database: Database, runId: string): Promise<string | null> {
  const { from, to } = familyRange([runId]);
  const [row] = await database.query<{ parent_id: string | null; ordinal: number | null }>(
    'select parent_id, ordinal from runs where id = $1 and id between $2 and $3',
    [runId, from, to],
  );
  if (row === undefined) return null;
  return row.parent_id !== null && row.ordinal === null ? await topmost(database, row.parent_id) : runId;
}

interface Done {
  readonly cancelled: Cancelled;
  readonly written: readonly Omit<EndRow, 'moved'>[];
}

async function cancelTree(
  client: SqlClient,
  dependencies: CancelDependencies,
  { top, plan, ending }: { top: string; plan: FollowUpPlan; ending: TreeEnding },
): Promise<Done> {
  const tree = await holdTree(client, top);
  const [first] = tree.runs;
  if (isTerminal(first!.state)) return { cancelled: { state: first!.state, runs: 0 }, written: [] };
  const { rows } = await client.query<Pick<EndRow, 'removed'>>(cancelRuns, cancelValues(top, tree, ending));
  const end = { runId: top, epoch: first!.epoch, executionId: top, to: ending.to, output: null };
  const ended = await client.query<EndRow>(
    endRuns.text,
    endValues(dependencies, [{ ...end, error: ending.error, delayMs: 0 }], plan),
  );
  return {
    cancelled: { state: ending.to, runs: tree.runs.length },
    written: [{ dispatched: [], removed: rows[0]!.removed, ended_executions: [] }, ended.rows[0]!],
  };
}

function cancelValues(top: string, { runs, dispatches }: HeldTree, ending: TreeEnding): unknown[] {
  const { from, to } = familyRange([top]);
  const below = runs.filter(({ id }) => id !== top).map(({ id }) => id);
  const leaving = leavingRuns(runs, dispatches);
  return [
    below.sort(),
    top,
    from,
    to,
    JSON.stringify(ending.below),
    JSON.stringify(runs.filter(({ state }) => state === 'running').map(inHand)),
    [...leaving.keys()].sort(),
    JSON.stringify(Object.fromEntries(leaving)),
  ];
}

function inHand({ id, epoch, session_id, dispatch_id }: TreeRun) {
  return { run_id: id, epoch, session_id, dispatch_id };
}

/** How many of the runs wait in each dispatch. */
function leavingRuns(
  runs: readonly TreeRun[],
  dispatches: ReadonlyMap<string, readonly string[]>,
): Map<string, number> {
  const queued = new Set(runs.filter(({ state }) => state === 'queued').map(({ id }) => id));
  const counts = [...dispatches].map(
    ([id, runIds]) => [id, runIds.filter((run) => queued.has(run)).length] as const,
  );
  return new Map(counts.filter(([, count]) => count > 0));
}
