import { cpuByName, processTree } from '../processes.ts';
import type { Instance } from './instance.ts';
import { connected } from './servers.ts';

/** What one unit of work cost. */
export interface Costs {
  /** CPU ms by process. */
  readonly cpu: ReadonlyMap<string, number>;
  readonly httpCalls: number;
  readonly statements: number;
  /** Bytes of write-ahead log of the whole server. */
  readonly walBytes: number;
  /** Share of updates of `runs` that were HOT, 0..1. */
  readonly hotShare: number;
}

/** Carries out `work` and says what each of its `units` cost. */
export async function costsOf<T>(
  instance: Instance,
  units: number,
  work: () => Promise<T>,
): Promise<{ result: T; costs: Costs }> {
  const before = await snapshot(instance);
  const result = await work();
  const after = await snapshot(instance);
  const per = (key: 'calls' | 'statements' | 'wal') => (after[key] - before[key]) / units;
  const cpu = [...after.cpu].map(([name, ms]): [string, number] => [
    name,
    (ms - (before.cpu.get(name) ?? 0)) / units,
  ]);
  return {
    result,
    costs: {
      cpu: new Map(cpu),
      httpCalls: per('calls'),
      statements: per('statements'),
      walBytes: per('wal'),
      hotShare: (after.hot - before.hot) / (after.updates - before.updates),
    },
  };
}

async function snapshot(instance: Instance) {
  const cpu = cpuByName(processTree(process.pid));
  const metrics = await Promise.all(instance.urls.map((url) => readMetrics(url, instance.adminKey)));
  const sum = (key: 'calls' | 'statements') => metrics.reduce((total, each) => total + each[key], 0);
  return { cpu, calls: sum('calls'), statements: sum('statements'), ...(await readTables(instance)) };
}

async function readMetrics(url: string, key: string): Promise<{ calls: number; statements: number }> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${key}` } });
  const text = await answer.text();
  const sum = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)`, 'gm'))].reduce(
      (total, [, value]) => total + Number(value),
      0,
    );
  return { calls: sum('longshore_http_requests_total'), statements: sum('longshore_sql_statements_total') };
}

interface Tables {
  readonly updates: number;
  readonly hot: number;
  readonly wal: number;
}

function readTables({ databaseUrl }: Instance): Promise<Tables> {
  return connected(databaseUrl, async (client) => {
    const { rows } = await client.query<Tables>(
      `select sum(n_tup_upd)::float8 as updates, sum(n_tup_hot_upd)::float8 as hot,
              pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as wal
         from pg_stat_user_tables where relname like 'runs%'`,
    );
    return rows[0]!;
  });
}
