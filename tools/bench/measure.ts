import pg from 'pg';
import { drive, execute, type Load } from './load.ts';
import type { MeasuredPlatform } from './platform.ts';
import { cpuByName, memoryByName, processTree } from './processes.ts';

export interface IdleFigures {
  /** Request to COMPLETED of one execution at idle, ms. */
  readonly idle: readonly number[];
  readonly memory: ReadonlyMap<string, number>;
}

export interface LoadFigures {
  readonly perSecond: number;
  /** CPU ms of one execution, by process. */
  readonly cpuPerExecution: ReadonlyMap<string, number>;
  readonly httpCallsPerRun: number;
  readonly statementsPerRun: number;
  /** Share of updates of `runs` that were HOT, 0..1. */
  readonly hotShare: number;
}

const RUNS_PER_EXECUTION = 22;
const WARM_UP = 60;
/** Executions before the measured ones: until then the engine still compiles, in every process. */
const WARM_UP_UNDER_LOAD = 1_000;
const IDLE_SAMPLES = 40;

const workflow = {
  kind: 'workflow',
  name: 'bench',
  steps: [
    { read: {} },
    {
      extract: {
        fields: {
          invoice_number: { type: 'string', required: true, label: 'Invoice number' },
          invoice_date: { type: 'date', label: 'Invoice date' },
          supplier: { type: 'string', label: 'Supplier' },
          total: { type: 'number', required: true, label: 'Total due' },
        },
      },
    },
  ],
};
const deployment = {
  kind: 'deployment',
  api_name: 'bench',
  workflow: 'bench',
  settings: { max_parallel_files: 20 },
};

/** Creates the workflow and the deployment that the load uses. */
export async function prepareDeployment(
  { url, adminKey }: Pick<MeasuredPlatform, 'url' | 'adminKey'>,
  organisation = 'default',
): Promise<void> {
  const answer = await fetch(`${url}/api/v1/apply`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ organisation, documents: [workflow, deployment] }),
  });
  if (!answer.ok) throw new Error(await answer.text());
}

export async function measureIdle(platform: MeasuredPlatform, load: Load): Promise<IdleFigures> {
  const memory = memoryByName(processTree(process.pid));
  for (let i = 0; i < WARM_UP; i += 1) await execute(platform, load);
  const idle: number[] = [];
  for (let i = 0; i < IDLE_SAMPLES; i += 1) idle.push(await execute(platform, load));
  return { idle, memory };
}

/** Drives the load and reads what it cost: CPU from the kernel, calls and statements from the backend's metrics. */
export async function measureUnderLoad(
  platform: MeasuredPlatform,
  load: Load,
  executions: number,
  inFlight: number,
): Promise<LoadFigures> {
  await drive(platform, load, WARM_UP_UNDER_LOAD, inFlight);
  const before = await snapshot(platform);
  const perSecond = await drive(platform, load, executions, inFlight);
  const after = await snapshot(platform);
  const runs = executions * RUNS_PER_EXECUTION;
  const cpu = [...after.cpu].map(([name, ms]): [string, number] => [
    name,
    (ms - (before.cpu.get(name) ?? 0)) / executions,
  ]);
  return {
    perSecond,
    cpuPerExecution: new Map(cpu),
    httpCallsPerRun: (after.calls - before.calls) / runs,
    statementsPerRun: (after.statements - before.statements) / runs,
    hotShare: (after.hot - before.hot) / (after.updates - before.updates),
  };
}

async function snapshot(platform: MeasuredPlatform) {
  const cpu = cpuByName(processTree(process.pid));
  const { calls, statements } = await readMetrics(platform);
  return { cpu, calls, statements, ...(await readUpdates(platform.databaseUrl)) };
}

async function readMetrics({
  url,
  adminKey,
}: MeasuredPlatform): Promise<{ calls: number; statements: number }> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${adminKey}` } });
  const text = await answer.text();
  const sum = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)`, 'gm'))].reduce(
      (total, [, value]) => total + Number(value),
      0,
    );
  return { calls: sum('longshore_http_requests_total'), statements: sum('longshore_sql_statements_total') };
}

async function readUpdates(databaseUrl: string): Promise<{ updates: number; hot: number }> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ updates: string; hot: string }>(
      `select sum(n_tup_upd) as updates, sum(n_tup_hot_upd) as hot from pg_stat_user_tables where relname like 'runs%'`,
    );
    return { updates: Number(rows[0]!.updates), hot: Number(rows[0]!.hot) };
  } finally {
    await client.end();
  }
}
