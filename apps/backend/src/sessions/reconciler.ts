import type { Publisher } from '@longshore/broker';
import { answerWithin, type Clock, type Logger } from '@longshore/runtime';
import { brokerJobId, type Dispatcher } from '../dispatch/dispatcher.ts';
import type { Pools } from '../dispatch/pools.ts';
import { untilLookedAfter } from '../dispatch/publish-statements.ts';
import type { AttemptEnd, EndAttempts } from '../runs/attempt-ends.ts';
import type { Cancellations } from '../runs/cancellations.ts';
import type { Database, Statement } from '../store/database.ts';

/** A run that was claimed this often and never got to its end takes its workers down: it is failed. */
export const POISON_STARTS = 5;

export interface ReconcilerDependencies {
  readonly database: Database;
  readonly dispatcher: Dispatcher;
  readonly publisher: Publisher;
  readonly pools: Pools;
  readonly endAttempts: EndAttempts;
  readonly cancellations: Pick<Cancellations, 'dropUnheard'>;
  readonly logger: Logger;
  readonly sessionTimeoutMs: number;
  readonly clock: Clock;
  /**
   * After the start, and after a gap in its own passes, the reconciler gives sessions this long to be heard: while the
   * backend or the database was away, nobody could be. Default: the session time-out.
   */
  readonly hearingMs?: number;
}

interface HeldRow {
  dispatch_id: string;
  id: string;
  epoch: number;
  starts: number;
}

/** What the reconciler did, for logs and metrics. */
export interface Reconciliation {
  readonly lapsedSessions: number;
  readonly requeued: number;
  readonly poisoned: number;
  readonly republished: number;
}

/**
 * One pass over what may have been lost: sessions that fell silent, runs held by sessions that ended, publications
 * that nobody claimed, deferred dispatches that are due. Each looks at live things only, never at history, so a pass
 * costs the same on a million finished runs; and at what is out in the broker and with workers, which is bounded, never at what waits (held is
 * published: `pool is not null` says so, and lets the index answer). Its statements skip dispatches that somebody else has locked: those are being dealt
 * with, and waiting for several of them in any order would be a deadlock with claims and with other backends. Where nothing is under way, one statement finds that.
 */
export function createReconciler(dependencies: ReconcilerDependencies) {
  const mayLapse = createHearing(dependencies);
  const takeBackLostPublications = createLostPublications(dependencies);
  return async function reconcile(): Promise<Reconciliation> {
    const found = await look(dependencies);
    const lapsedSessions = mayLapse() && found.silent ? await lapseSilentSessions(dependencies) : 0;
    if (found.cancelled) await dependencies.cancellations.dropUnheard();
    const { requeued, poisoned } = found.published ? await takeBackHeldRuns(dependencies) : NOTHING_HELD;
    const abandoned = found.published ? await takeBackFromDeadPools(dependencies) : 0;
    const republished = found.published ? await takeBackLostPublications() : 0;
    const woken = found.due ? await wakeDeferred(dependencies.database) : 0;
    if (requeued + abandoned + woken > 0) dependencies.dispatcher.pumpAll();
    return { lapsedSessions, requeued, poisoned, republished: republished + abandoned };
  };
}

const NOTHING_HELD = { requeued: 0, poisoned: 0 };

/** What there is that a pass could be about. */
interface Found {
  readonly silent: boolean;
  readonly cancelled: boolean;
  readonly published: boolean;
  readonly due: boolean;
}

/** Each is the first entry of an index. $1 session time-out in ms. */
const lookForLosses: Statement = {
  name: 'look_for_losses',
  text: `
select exists (select 1 from sessions where ended_at is null and seen_at < now() - $1::float8 * interval '1 ms') as silent,
       exists (select 1 from cancellations) as cancelled,
       exists (select 1 from dispatches where pool is not null) as published,
       exists (select 1 from dispatches where not ready and due <= now()) as due`,
};

async function look({ database, sessionTimeoutMs }: ReconcilerDependencies): Promise<Found> {
  const [found] = await database.hot<Found & Record<string, unknown>>(lookForLosses, [sessionTimeoutMs]);
  return found!;
}

/** A pass that comes this much after the last one was held up by something that held up heartbeats too. */
const GAP_MS = 3_000;

/** Says, pass by pass, whether silence means anything yet. */
function createHearing({
  clock,
  sessionTimeoutMs,
  hearingMs = sessionTimeoutMs,
}: ReconcilerDependencies): () => boolean {
  let lastPass = -Infinity;
  let heardFrom = 0;
  return () => {
    const now = clock.monotonic();
    if (now - lastPass > GAP_MS) heardFrom = now;
    lastPass = now;
    return now - heardFrom >= hearingMs;
  };
}

async function lapseSilentSessions({ database, logger, pools, sessionTimeoutMs }: ReconcilerDependencies) {
  const rows = await database.query<{ id: string; pool: string; instance: string }>(
    `update sessions set state = 'lapsed', ended_at = now()
      where ended_at is null and seen_at < now() - $1::float8 * interval '1 ms'
      returning id, pool, instance`,
    [sessionTimeoutMs],
  );
  for (const { id, pool, instance } of rows)
    logger.warn('Session lapsed', { session_id: id, pool, instance });
  if (rows.length > 0) await pools.refresh();
  return rows.length;
}

/**
 * SQL for the runs of a dispatch that are being executed. Each is found by its id, whatever the planner knows of `runs`: where it was not
 * analysed yet, reading all of it would look cheaper.
 */
const runningOf = (dispatch: string) =>
  `select r.* from unnest(${dispatch}.run_ids) as u (run_id)
    cross join lateral (select id, epoch, starts from runs
                         where id = u.run_id and state = 'running' and dispatch_id = ${dispatch}.id offset 0) r`;

async function takeBackHeldRuns({ database, endAttempts, logger }: ReconcilerDependencies) {
  const rows = await database.query<HeldRow>(
    `select d.id as dispatch_id, r.id, r.epoch, r.starts
       from dispatches d
       join sessions s on s.id = d.session_id and s.ended_at is not null
       cross join lateral (${runningOf('d')}) r
      where d.pool is not null
      order by r.id limit 500`,
  );
  const ends = rows.map(endOfHeld);
  if (ends.length > 0) await endAttempts(ends);
  const poisoned = ends.filter((end) => end.to === 'failed');
  for (const end of poisoned) logger.error('Run failed: its starts are used up', { run_id: end.runId });
  await removeEmptyDispatches(database);
  return { requeued: ends.length - poisoned.length, poisoned: poisoned.length };
}

function endOfHeld(row: HeldRow): AttemptEnd {
  const base = { runId: row.id, epoch: row.epoch, executionId: row.id, output: null, delayMs: 0 };
  if (row.starts < POISON_STARTS) return { ...base, to: 'lapsed', error: null };
  const message = `started ${row.starts} times, and each time its worker was lost before it ended`;
  return { ...base, to: 'failed', error: { code: 'poison', message, detail: null } };
}

/** A dispatch of an ended session none of whose runs it still holds has nothing left to answer for. */
async function removeEmptyDispatches(database: Database): Promise<void> {
  await database.query(
    `delete from dispatches
      where id = any(array(
        select d.id from dispatches d join sessions s on s.id = d.session_id and s.ended_at is not null
         where d.pool is not null
           and not exists (${runningOf('d')})
           for update of d skip locked))`,
  );
}

/** Messages in the queue of a pool without a live session reach nobody: their dispatches wait again for any pool. */
async function takeBackFromDeadPools({ database }: ReconcilerDependencies): Promise<number> {
  const rows = await database.query(
    `update dispatches set pool = null, due = now()
      where id = any(array(
        select d.id from dispatches d
         where d.pool is not null and d.session_id is null and d.due < now()
           and not exists (select 1 from sessions s where s.pool = d.pool and s.ended_at is null)
           for update skip locked))
      returning id`,
  );
  return rows.length;
}

interface OverdueRow {
  id: string;
  pool: string;
  publications: number;
}

/** A broker that takes longer to answer holds up neither what else a pass does nor the next one. */
const BROKER_MS = 1_000;

/**
 * Takes back what was published, is past its time and does not wait in the broker, and has it published again. A broker that may have lost
 * something is asked about everything that is out, whatever its time.
 */
function createLostPublications(dependencies: ReconcilerDependencies): () => Promise<number> {
  const { publisher, dispatcher, clock } = dependencies;
  let known: number | undefined;
  let underWay: Promise<number> | undefined;

  async function lookAfter(): Promise<number> {
    const disturbances = await publisher.disturbances().catch(() => known);
    const all = known !== undefined && disturbances !== known;
    const doubtful = await doubtfulPublications(dependencies, { all });
    // What is on its way there now is no loss.
    await dispatcher.sent();
    const lost = await lostOf(doubtful, dependencies);
    if (lost === undefined) return 0;
    known = disturbances;
    if (lost.length === 0) return 0;
    const count = await takeBack(lost, dependencies);
    if (count > 0) dispatcher.pumpAll();
    return count;
  }

  return async () => {
    underWay ??= lookAfter().finally(() => (underWay = undefined));
    return (await answerWithin(BROKER_MS, underWay, clock)) ?? 0;
  };
}

/** They are looked after again when their next time has passed. */
function doubtfulPublications(
  { database, dispatcher, pools }: ReconcilerDependencies,
  { all }: { all: boolean },
): Promise<OverdueRow[]> {
  return database.query<OverdueRow>(
    `update dispatches set due = now() + ${untilLookedAfter('$2', 'greatest(publications - 1, 0)')}
      where id = any(array(
        select id from dispatches where pool = any($1::text[]) and session_id is null and (due < now() or $3::boolean)
           for update skip locked))
      returning id, pool, publications`,
    [pools.led().map((pool) => pool.pool), dispatcher.publicationTimeoutMs, all],
  );
}

/** Undefined: the broker does not say. */
async function lostOf(
  doubtful: readonly OverdueRow[],
  { publisher, logger }: ReconcilerDependencies,
): Promise<OverdueRow[] | undefined> {
  const lost: OverdueRow[] = [];
  for (const row of doubtful) {
    try {
      if (!(await publisher.isWaiting(row.pool, brokerJobId(row.id, row.publications)))) lost.push(row);
    } catch (error) {
      logger.warn('The broker did not answer; publications are checked again later', { error });
      return undefined;
    }
  }
  return lost;
}

async function takeBack(
  lost: readonly OverdueRow[],
  { database, logger }: ReconcilerDependencies,
): Promise<number> {
  const rows = await database.query(
    `update dispatches set pool = null, due = now()
      where id = any(array(
        select id from dispatches
         where id = any($1::uuid[]) and session_id is null and publications = ($2::jsonb ->> id::text)::int
           for update skip locked))
      returning id`,
    [
      lost.map((row) => row.id),
      JSON.stringify(Object.fromEntries(lost.map((row) => [row.id, row.publications]))),
    ],
  );
  logger.warn('Messages were lost by the broker; their runs are published again', { count: rows.length });
  return rows.length;
}

/** What was to come later comes now, and waits from now on. */
async function wakeDeferred(database: Database): Promise<number> {
  const rows = await database.query(
    `update dispatches set ready = true, created_at = due
      where id = any(array(select id from dispatches where not ready and due <= now() for update skip locked))
      returning id`,
  );
  return rows.length;
}
