import { isTerminal, type RunState } from '@longshore/contracts';
import type { SqlClient } from '../store/database.ts';
import { familyRange } from '../store/family-ids.ts';
import { lockFamily, lockRuns, lockWaitingDispatches, unfinishedTree } from './cancel-statements.ts';

/** An unfinished run of a tree. */
export interface TreeRun {
  readonly id: string;
  readonly parent_id: string | null;
  readonly state: RunState;
  readonly queue: string;
  readonly organisation_id: string;
  readonly epoch: number;
  readonly session_id: string | null;
  readonly dispatch_id: string | null;
  /** Behind max_parallel: in no dispatch, and nobody but its parent moves it. */
  readonly staged: boolean;
}

/** A tree that stands still until the transaction ends. */
export interface HeldTree {
  /** The topmost first; it alone may have ended. */
  readonly runs: readonly TreeRun[];
  /** Dispatches that nobody holds in which some of them wait, with all runs that are in each. */
  readonly dispatches: ReadonlyMap<string, readonly string[]>;
}

/** Looks at a tree that does not come to rest before what is held stays held, at the risk of a deadlock that is retried. */
const PATIENT_LOOKS = 8;
/** A queued run that is in no dispatch after so many looks is in none: it must not keep its tree from being cancelled. */
const LOOKS_FOR_DISPATCHES = 20;

/**
 * Locks a run and all that is unfinished below it. While that is under way others go on: children appear, runs end, retries
 * queue again. So it looks again, in a new snapshot, until nothing is seen that is not held; then nothing can move,
 * since whatever makes or moves a run must lock it or its parent.
 *
 * Everybody locks dispatches before runs and runs that may end before those that wait for them. Where a second look would
 * break that order, all is let go and it begins anew.
 */
export async function holdTree(client: SqlClient, top: string): Promise<HeldTree> {
  const { from, to } = familyRange([top]);
  const held = new Set<string>();
  const dispatches = new Map<string, readonly string[]>();
  await client.query(lockFamily, [from]);
  await client.query('savepoint untouched');
  for (let look = 1; ; look += 1) {
    const { rows: runs } = await client.query<TreeRun>(unfinishedTree, [top, from, to]);
    let loose = looseOf(runs, held);
    if (loose.length === 0) return { runs, dispatches };
    const holdsAny = held.size + dispatches.size > 0;
    if (look <= PATIENT_LOOKS && holdsAny && loose.some(({ state }) => state !== 'waiting')) {
      await client.query('rollback to savepoint untouched');
      held.clear();
      dispatches.clear();
      loose = looseOf(runs, held);
    }
    for (const [id, runIds] of await holdDispatches(client, loose, { from, to })) dispatches.set(id, runIds);
    const waiting = new Set([...dispatches.values()].flat());
    const safe = loose.filter(
      ({ id, state }) => state !== 'queued' || waiting.has(id) || look > LOOKS_FOR_DISPATCHES,
    );
    for (const id of await holdRuns(client, safe, { from, to })) held.add(id);
  }
}

type Loose = Pick<TreeRun, 'id' | 'state' | 'queue' | 'organisation_id'>;

/** What is to be held next, so that the tree stands still; nothing when it does. */
function looseOf(runs: readonly TreeRun[], held: ReadonlySet<string>): Loose[] {
  const [top] = runs;
  const loose = runs.filter(({ id, state, staged }) => !held.has(id) && !staged && !isTerminal(state));
  const active = loose.filter(({ state }) => state !== 'waiting');
  if (active.length > 0) return active;
  // Its parent, which is not of the tree, could give it its turn.
  if (top!.staged && !held.has(top!.parent_id!)) return [{ ...top!, id: top!.parent_id!, state: 'waiting' }];
  return loose;
}

interface FamilyRange {
  readonly from: string;
  readonly to: string;
}

async function holdDispatches(
  client: SqlClient,
  runs: readonly Loose[],
  { from, to }: FamilyRange,
): Promise<[string, string[]][]> {
  const queued = runs.filter(({ state }) => state === 'queued');
  if (queued.length === 0) return [];
  const { rows } = await client.query<{ id: string; run_ids: string[] }>(lockWaitingDispatches, [
    queued[0]!.organisation_id,
    [...new Set(queued.map(({ queue }) => queue))],
    queued.map(({ id }) => id),
    from,
    to,
  ]);
  return rows.map(({ id, run_ids }) => [id, run_ids]);
}

async function holdRuns(
  client: SqlClient,
  runs: readonly Loose[],
  { from, to }: FamilyRange,
): Promise<string[]> {
  if (runs.length === 0) return [];
  const { rows } = await client.query<{ id: string }>(lockRuns, [
    runs.map(({ id }) => id),
    runs.map(({ state }) => state),
    from,
    to,
  ]);
  return rows.map(({ id }) => id);
}
