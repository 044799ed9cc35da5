import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { runTask } from '@longshore/tasks';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { tableSizes } from './table-sizes.ts';

const isInstalled = spawnSync('psql', ['--version']).error === undefined;
const withPsql = isInstalled ? it : it.skip;
const variables = ['PATH', 'PGHOST', 'PGPORT', 'PGDATABASE', 'PGUSER', 'PGPASSWORD'] as const;
const before = Object.fromEntries(variables.map((name) => [name, process.env[name]]));
const folder = mkdtempSync(join(tmpdir(), 'longshore-psql-'));
let postgres: TestPostgres | undefined;

beforeAll(async () => {
  if (isInstalled) postgres = await startPostgres();
});
afterEach(() => {
  for (const [name, value] of Object.entries(before)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await postgres?.stop();
});

/** The variables of psql for a new database, in this process. */
async function database(server: TestPostgres): Promise<void> {
  const { hostname, port, pathname, username, password } = new URL(
    await server.createDatabase('table_sizes'),
  );
  const [PGDATABASE, PGUSER, PGPASSWORD] = [pathname.slice(1), username, password].map(decodeURIComponent);
  Object.assign(process.env, { PGHOST: hostname, PGPORT: port, PGDATABASE, PGUSER, PGPASSWORD });
}

function sql(...statements: string[]): void {
  const commands = statements.flatMap((statement) => ['-c', statement]);
  const { status, stderr } = spawnSync('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', ...commands], {
    env: process.env,
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
}

withPsql(
  'example_table_sizes tells the tables of a real database by a real psql, the largest first',
  async () => {
    await database(postgres!);
    expect(await runTask(tableSizes, {})).toMatchObject({ outcome: 'succeeded', output: [] });
    sql(
      'create table small (n int)',
      'create table "Large One" (t text)',
      'insert into small values (1), (2)',
      `insert into "Large One" select repeat('x', 1000) from generate_series(1, 500)`,
      'select pg_stat_force_next_flush()',
    );
    const run = await runTask(tableSizes, {});
    expect(run).toMatchObject({
      outcome: 'succeeded',
      output: [
        { table: '"Large One"', rows: 500, bytes: expect.any(Number) },
        { table: 'small', rows: 2, bytes: 8192 },
      ],
    });
  },
);

it('example_table_sizes gives psql (a stand-in) its query and the variables of the database, and no others', async () => {
  const path = join(folder, 'psql');
  const asked = join(folder, 'asked');
  const answer = '[{"table": "a", "bytes": 8192, "rows": 1}]';
  const writeDown = `printf '%s\\n' "$PGHOST" "$PGCONNECT_TIMEOUT" "\${HIDDEN_FROM_PSQL-unset}" "$@" > '${asked}'`;
  writeFileSync(path, `#!/bin/sh\n${writeDown}\nprintf '%s\\n' '${answer}'\n`);
  chmodSync(path, 0o755);
  Object.assign(process.env, { PATH: [folder, before['PATH']].join(delimiter), PGHOST: 'db.example' });
  process.env['HIDDEN_FROM_PSQL'] = 'a secret of the worker';
  try {
    expect(await runTask(tableSizes, {})).toMatchObject({
      outcome: 'succeeded',
      output: [{ table: 'a', bytes: 8192, rows: 1 }],
    });
  } finally {
    delete process.env['HIDDEN_FROM_PSQL'];
  }
  const [host, timeout, hidden, ...args] = readFileSync(asked, 'utf8').split('\n');
  expect([host, timeout, hidden]).toEqual(['db.example', '10', 'unset']);
  expect(args.slice(0, 4)).toEqual(['-XAtq', '-v', 'ON_ERROR_STOP=1', '-c']);
  expect(args.slice(4).join('\n')).toContain('from pg_stat_user_tables');
});
