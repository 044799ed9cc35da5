import { setTimeout as sleep } from 'node:timers/promises';
import { drainOnce, onFreshInstance, type DrainFigures } from './drain.ts';
import { instanceFolder, type InstanceOptions } from './instance.ts';
import type { Sizes } from './options.ts';
import { takePlans, type StatementPlan } from './plans.ts';
import { connected, type Servers } from './servers.ts';

export const FEW_ROWS = 1_000;
const AT_ONCE = 100_000;

/** How a drain went on a database of this history: alone, and by two backends while it is vacuumed. */
export interface HistoryFigures {
  readonly alone: DrainFigures;
  readonly besideVacuum: DrainFigures;
  /** Times the whole of `runs` was vacuumed in that drain and its warm-up. */
  readonly vacuums: number;
}

export interface HistoryRound {
  readonly few: HistoryFigures;
  readonly many: HistoryFigures;
}

/** A database with a long history, used in every round: making it takes longer than measuring. */
export interface LongHistory {
  readonly databaseUrl: string;
  readonly folder: string;
}

/** Puts `rows` finished runs into a new database. */
export async function makeLongHistory(servers: Servers, { rows, concurrency }: Sizes): Promise<LongHistory> {
  const history = { databaseUrl: await servers.database(), folder: await instanceFolder(servers.folder) };
  await onFreshInstance(
    servers,
    'redis',
    { ...history, concurrency, profile: undefined, prepare: (url) => insertFinished(url, rows) },
    async () => undefined,
  );
  return history;
}

export async function measureHistory(
  servers: Servers,
  sizes: Sizes,
  long: LongHistory,
): Promise<HistoryRound> {
  const short = { databaseUrl: await servers.database(), folder: await instanceFolder(servers.folder) };
  const prepare = (url: string) => insertFinished(url, FEW_ROWS);
  return {
    few: await measureOn(servers, sizes, { ...short, prepare }, short),
    many: await measureOn(servers, sizes, long, long),
  };
}

async function measureOn(
  servers: Servers,
  sizes: Sizes,
  first: Partial<InstanceOptions>,
  second: Partial<InstanceOptions>,
): Promise<HistoryFigures> {
  const alone = await onFreshInstance(servers, 'redis', { ...sizes, ...first }, (instance, door) =>
    drainOnce(instance, door, sizes),
  );
  const two = { ...sizes, ...second, backends: 2, workers: 2 };
  return onFreshInstance(servers, 'redis', two, async (instance, door) => {
    const vacuuming = vacuumAgainAndAgain(instance.databaseUrl);
    const besideVacuum = await drainOnce(instance, door, sizes).finally(vacuuming.stop);
    return { alone, besideVacuum, vacuums: await vacuuming.ended };
  });
}

/** The plans of the statements that a drain and some executions consist of, on a database with this history. */
export function plansAt(servers: Servers, sizes: Sizes, long: LongHistory): Promise<StatementPlan[]> {
  return takePlans(servers, sizes, long);
}

function vacuumAgainAndAgain(databaseUrl: string) {
  let isWanted = true;
  const ended = connected(databaseUrl, async (client) => {
    let times = 0;
    for (; isWanted; times += 1) {
      await client.query('vacuum runs, submitted_tasks, dispatches, live_executions');
      await sleep(1);
    }
    return times;
  });
  return { ended, stop: () => void (isWanted = false) };
}

/** Submitted tasks as the platform leaves them, all in the partition in which new ones are made. */
const insertOld = `
with made as (
  select uuid_v7() as id, now() - random() * interval '1 hour' as at, uuid_v7() as session, uuid_v7() as dispatch
    from generate_series(1, $1::int)
), listed as (
  insert into submitted_tasks (id, organisation_id, task, priority, created_at)
  select m.id, o.id, 'bench.noop', 0, m.at from made m, organisations o where o.name = 'default'
), ended as (
  insert into ended_executions (id, organisation_id, kind, ending, ended_at)
  select m.id, o.id, 'task', 'succeeded', m.at from made m, organisations o where o.name = 'default'
)
insert into runs (id, organisation_id, root_id, task, queue, input, max_attempts, soft_limit_ms, hard_limit_ms, created_at, state,
                  epoch, starts, session_id, dispatch_id, started_at, claimed_at, finished_at, output)
select m.id, o.id, m.id, 'bench.noop', 'default', jsonb_build_object('payload', repeat('x', 200)), 3, 3300000, 3600000, m.at,
       'succeeded', 1, 1, m.session, m.dispatch, m.at, m.at, m.at, '{"inline": null}'
  from made m, organisations o where o.name = 'default'`;

async function insertFinished(databaseUrl: string, rows: number): Promise<void> {
  await connected(databaseUrl, async (client) => {
    for (let left = rows; left > 0; left -= AT_ONCE) await client.query(insertOld, [Math.min(left, AT_ONCE)]);
    await client.query('vacuum (analyze) runs, submitted_tasks, ended_executions');
  });
}
