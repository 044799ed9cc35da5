import { setTimeout as pause } from 'node:timers/promises';
import { cpuByName } from './processes.ts';
import { until, type Place, type Worker } from './seats.ts';

/** Slots of each of the two workers. */
const SLOTS = 10;
/** So many of the first one's are taken by long runs; the others go on with short ones. */
const LONG_RUNS = SLOTS / 2;
/** What is running when a worker is stopped takes so long, s: far beyond its grace. */
const LONG_S = 600;
const GRACE_S = 3;

/** One worker is stopped in order under load. All in ms. */
export interface TermFigures {
  /** From SIGTERM until the other had taken a run that was submitted after it: nothing new goes to the one that stops. */
  readonly newWork: number;
  /** From the end of the grace until the other had taken again each run that was handed back. */
  readonly first: number;
  readonly last: number;
  /** From handing a run back until the other had it; the longest. */
  readonly idle: number;
  readonly handedBack: number;
}

/** One worker is killed under load, ms from the SIGKILL until the other had its first and its last run. */
export interface KillFigures {
  readonly first: number;
  readonly last: number;
  readonly runs: number;
}

/** What the platform does at rest, per second. */
export interface Touched {
  /** Rows read of all tables. */
  readonly rows: number;
  /** Blocks that statements looked at, those of the broker included. */
  readonly blocks: number;
  /** CPU of the backend. */
  readonly cpuMs: number;
}

/** Two workers of one pool. */
export interface Hands {
  readonly place: Place;
  start(): Worker;
}

export function startHands(place: Place): Hands {
  const env = {
    WORKER_CONCURRENCY: String(SLOTS),
    SHUTDOWN_GRACE: String(GRACE_S),
    GENERAL_HEALTH_PORT: '0',
  };
  return { place, start: () => place.startWorker('general', env) };
}

/**
 * A has long runs, B has room for them; short ones go to both all the while, so that messages are on their way at every
 * moment. A is told to stop.
 */
export async function measureTerm(hands: Hands): Promise<TermFigures> {
  const { place } = hands;
  const a = await startBusy(hands);
  const b = await startBeside(hands);
  const stopLoad = keepSubmitting(place);
  try {
    const at = Date.now();
    const ended = a.end('SIGTERM');
    const late = await submit(place, 1, 0.01);
    await until('what is new was taken', async () => (await claimsOf(place, late)).length === 1);
    const newWork = (await claimsOf(place, late))[0]!.at - at;
    await ended;
    const again = await takenAgain(place, 'released');
    const since = again.map(({ at: taken }) => taken - at - GRACE_S * 1000);
    return {
      newWork,
      first: Math.min(...since),
      last: Math.max(...since),
      idle: Math.max(...again.map(({ at: taken, given }) => taken - given)),
      handedBack: again.length,
    };
  } finally {
    await stopLoad();
    await clear(place, [a, b]);
  }
}

export async function measureKill(hands: Hands): Promise<KillFigures> {
  const { place } = hands;
  const a = await startBusy(hands);
  const b = await startBeside(hands);
  const stopLoad = keepSubmitting(place);
  try {
    const at = Date.now();
    await a.end('SIGKILL');
    const again = await takenAgain(place, 'lapsed');
    const since = again.map(({ at: taken }) => taken - at);
    return { first: Math.min(...since), last: Math.max(...since), runs: again.length };
  } finally {
    await stopLoad();
    await clear(place, [a, b]);
  }
}

const TOUCHED_SECONDS = 20;
/** Until a worker's start has been dealt with. */
const SETTLED_MS = 5_000;

/** What is read and worked for one idle worker. */
export async function countTouched({ place, start }: Hands): Promise<Touched> {
  const worker = start();
  await sessions(place, 1);
  await pause(SETTLED_MS);
  const before = await usage(place);
  await pause(TOUCHED_SECONDS * 1000);
  const after = await usage(place);
  await clear(place, [worker]);
  const perSecond = (of: keyof Touched) => (after[of] - before[of]) / TOUCHED_SECONDS;
  return { rows: perSecond('rows'), blocks: perSecond('blocks'), cpuMs: perSecond('cpuMs') };
}

/** Since the start, by the database's own count and the kernel's. */
async function usage({ sql, backendPid }: Place): Promise<Touched> {
  const { rows } = await sql.query<{ rows: number; blocks: number }>(
    `select sum(t.seq_tup_read + coalesce(t.idx_tup_fetch, 0))::float8 as rows,
            (select sum(i.hits + i.reads)::float8 from pg_stat_io i where i.backend_type = 'client backend') as blocks
       from pg_stat_user_tables t`,
  );
  return { ...rows[0]!, cpuMs: cpuByName([{ name: 'backend', pid: backendPid }]).get('backend')! };
}

/** Starts a worker and gives it all the long runs. */
async function startBusy({ place, start }: Hands): Promise<Worker> {
  const worker = start();
  await sessions(place, 1);
  const ids = await submit(place, LONG_RUNS, LONG_S);
  await until('the first worker is busy', async () => (await claimsOf(place, ids)).length === LONG_RUNS);
  return worker;
}

async function startBeside({ place, start }: Hands): Promise<Worker> {
  const worker = start();
  await sessions(place, 2);
  return worker;
}

const sessions = ({ sql }: Place, count: number) =>
  until(`${count} workers are there`, async () => {
    const { rows } = await sql.query(`select 1 from sessions where ended_at is null and state = 'active'`);
    return rows.length === count;
  });

/** Submits short runs one after the other until told to stop. */
function keepSubmitting(place: Place): () => Promise<void> {
  let over = false;
  const submitting = (async () => {
    while (!over) {
      const ids = await submit(place, 4, 0.05);
      await until('short runs are taken', async () => over || (await claimsOf(place, ids)).length === 4);
    }
  })();
  return async () => {
    over = true;
    await submitting;
  };
}

/** Runs that take so many seconds, written as an accepted request writes them; one message each. @returns their ids. */
async function submit({ sql }: Place, count: number, seconds: number): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(insertRuns, [
    count,
    JSON.stringify({ duration: seconds }),
  ]);
  return rows.map(({ id }) => id);
}

const insertRuns = `
with target as (
  select id as organisation_id from organisations limit 1
), made as materialized (
  select uuid_v7() as id from generate_series(1, $1::int)
), written as (
  insert into runs (id, organisation_id, root_id, task, queue, input, max_attempts, soft_limit_ms, hard_limit_ms)
  select m.id, t.organisation_id, m.id, 'example_long_running', 'default', $2::jsonb, 3, 3600000, 3600000 from made m, target t
), live as (
  insert into live_executions (id, organisation_id) select m.id, t.organisation_id from made m, target t
), waiting as (
  insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due)
  select uuid_v7(), t.organisation_id, 'example_long_running', 'default', 0, array[m.id], 1, true, now() from made m, target t
), told as (
  select pg_notify('longshore_work', '{"from":"bench","pools":[],"released":true}') from target
)
select id from made, told`;

interface Claim {
  id: string;
  /** Wall clock, ms. */
  at: number;
}

async function claimsOf({ sql }: Place, ids: readonly string[]): Promise<Claim[]> {
  const { rows } = await sql.query<Claim>(
    `select id, (extract(epoch from claimed_at) * 1000)::float8 as at from runs where id = any($1::uuid[]) and claimed_at is not null`,
    [ids],
  );
  return rows;
}

/** The long runs that one worker lost in this way and the other has, once it has all of them. */
async function takenAgain(
  { sql }: Place,
  outcome: 'released' | 'lapsed',
): Promise<(Claim & { given: number })[]> {
  const look = async () =>
    (
      await sql.query<Claim & { given: number; running: boolean }>(
        `select r.id, r.state = 'running' and r.epoch = a.epoch + 1 as running,
                (extract(epoch from r.claimed_at) * 1000)::float8 as at, (extract(epoch from a.ended_at) * 1000)::float8 as given
           from attempts a join runs r on r.id = a.run_id
          where a.outcome = $1 and (r.input ->> 'duration')::float8 = $2 and r.state in ('queued', 'running')`,
        [outcome, LONG_S],
      )
    ).rows;
  await until('the other worker has taken over', async () => {
    const rows = await look();
    return rows.length === LONG_RUNS && rows.every(({ running }) => running);
  });
  return await look();
}

/** Ends the workers and forgets their work. */
async function clear({ sql }: Place, workers: readonly Worker[]): Promise<void> {
  await Promise.all(workers.map((worker) => worker.end('SIGKILL')));
  await sql.query(`update sessions set state = 'ended', ended_at = now() where ended_at is null`);
  await sql.query('truncate dispatches, attempts, live_executions');
  await sql.query(`delete from runs where task = 'example_long_running'`);
}
