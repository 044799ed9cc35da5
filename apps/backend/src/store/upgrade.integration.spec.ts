import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { silentLogger } from '@longshore/runtime';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend } from '../testing/http-backend.ts';
import { answer, bearer, eventually } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { createDatabase, type Database } from './database.ts';
import { migrations } from './migrate.ts';
import { ensurePartitions } from './partitions.ts';
import { type EarlierRows, putRowsOf0001 } from './rows-of-0001.fixture.ts';

/** A release whose homes can be upgraded: the last migration that it had, and rows as it wrote them. */
interface EarlierRelease {
  readonly schema: string;
  readonly putRows: (database: Database, storageDir: string) => Promise<EarlierRows>;
}

/** One line for each released schema. To keep a later one, write its rows beside those of 0001. */
const releases: readonly EarlierRelease[] = [{ schema: '0001-initial', putRows: putRowsOf0001 }];

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());

/** A database as that release left it. */
async function earlierHome({ schema, putRows }: EarlierRelease) {
  const storageDir = await mkdtemp(join(tmpdir(), 'longshore-upgrade-'));
  const name = schema.replaceAll('-', '_');
  const databaseUrl = await postgres.createDatabase(`truth_${name}`);
  const brokerUrl = await postgres.createDatabase(`broker_${name}`);
  const database = createDatabase({ url: databaseUrl, logger: silentLogger() });
  await database.query(
    'create table schema_migrations (name text primary key, applied_at timestamptz not null default now())',
  );
  const last = migrations.findIndex((each) => each.name === schema);
  for (const migration of migrations.slice(0, last + 1)) {
    await database.query(migration.sql);
    await database.query('insert into schema_migrations (name) values ($1)', [migration.name]);
  }
  await ensurePartitions(database, new Date());
  const rows = await putRows(database, storageDir);
  await database.close();
  return { rows, config: { databaseUrl, brokerUrl, storageDir } };
}

describe.each(releases)('failure mode 25: a home of schema $schema', (release) => {
  it('goes on under this release: what was finished is readable, what was not is finished', async () => {
    const { rows, config } = await earlierHome(release);
    const backend = await startBackend(postgres, { ...config, sessionTimeoutMs: 1_500 });
    const detail = async (id: string) =>
      (
        await answer(
          fetch(`${backend.url}/api/v1/executions/${id}`, { headers: bearer(rows.organisationKey) }),
        )
      ).body;
    const outputOf = (body: { result: { result: { output: { text: string } } }[] | null }) =>
      body.result?.map(({ result }) => result.output.text);
    try {
      expect(await detail(rows.finished.id)).toMatchObject({ status: 'COMPLETED', result_expired: false });
      expect(outputOf(await detail(rows.finished.id))).toEqual([rows.finished.text]);
      const held = async () =>
        (await backend.database.query(`select 1 from runs where state = 'running'`)).length;
      await eventually(async () => (await held()) === 0);
      // The worker of the test sends no heartbeats.
      await backend.database.query(
        `alter table sessions alter column seen_at set default now() + interval '1 hour'`,
      );
      await backend.worker();
      for (const { id, text } of [rows.queued, rows.running]) {
        await eventually(async () => (await detail(id)).status === 'COMPLETED');
        expect(outputOf(await detail(id))).toEqual([text]);
      }
      const address = `${backend.url}/deployment/api/${rows.organisation}/${rows.apiName}/?execution_id=${rows.finished.id}`;
      expect((await answer(fetch(address, { headers: bearer(rows.organisationKey) }))).status).toBe(200);
      const admin = await answer(fetch(`${backend.url}/api/v1/queues`, { headers: bearer(rows.adminKey) }));
      expect(admin.status).toBe(200);
      const ended = await backend.database.query('select id::text from ended_executions order by id');
      expect(ended.map(({ id }) => id as string)).toEqual(
        [rows.finished.id, rows.queued.id, rows.running.id].sort(),
      );
      expect(await brokenInvariants(backend.database)).toEqual([]);
    } finally {
      await backend.stop();
      await rm(config.storageDir, { recursive: true, force: true });
    }
  });
});
