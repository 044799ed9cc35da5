import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { silentLogger, uuidV7 } from '@longshore/runtime';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { asking, startTaskWorker } from '../tasks/tasks.fixture.ts';
import { startBackend } from '../testing/http-backend.ts';
import { eventually, poll, post, textFile } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { ended, startModel } from '../testing/model.ts';
import { truth } from '../testing/templates.ts';
import { createDatabase, type Database } from './database.ts';

/** Far more than the work of this test reads where it finds its rows by their keys. */
const HISTORY = 20_000;

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());

async function startWithWorkers() {
  const backend = await startBackend(postgres);
  const organisation = await backend.organisation();
  const deployment = await backend.deploy(organisation, 'invoices');
  await backend.worker();
  const tasks = await startTaskWorker(backend, ({ input }) =>
    (input as { fail?: boolean }).fail ? { failure: 'on purpose', retryAfterMs: 1 } : { output: null },
  );
  await backend.database.query(
    `insert into webhooks (id, organisation_id, name, description, url, events, form, window_ms, enabled, secret)
     values ($1, $2, 'all', '', 'sealed', array['task.finished', 'task.failed', 'execution.completed'], 'standard', 3600000, true, 'sealed')`,
    [uuidV7(), organisation.id],
  );
  return { backend, organisation, deployment, tasks };
}
type Started = Awaited<ReturnType<typeof startWithWorkers>>;

/** Executions and tasks of every ending, several at once, so that each connection has met each statement. */
async function work({ backend, organisation, deployment }: Started): Promise<void> {
  const { ask, submit } = asking(backend, organisation);
  for (let round = 0; round < 6; round += 1) {
    const files = ['a', 'b', 'c'].map((name) => textFile(`${name}.txt`, uuidV7()));
    const [execution, ...submitted] = await Promise.all([
      post(deployment, files, { timeout: '30' }),
      ...Array.from({ length: 8 }, (_, n) =>
        submit({ task_name: 'anything', parameters: { fail: n === 0 }, priority: n }),
      ),
      submit({ task_name: 'anything', parameters: {}, delay_seconds: 600 }),
    ]);
    await ask('DELETE', `/${submitted.at(-1)!.body.task_id}`);
    await poll(deployment, execution.body.message.execution_id as string);
  }
  await eventually(async () => (await backend.database.query('select from live_executions')).length === 0);
}

/** What many executions of one file each leave behind. No table is made for it, since a new one has everything planned anew. */
const makeHistory = `
with made as (
  select n, uuid_v7() as id, uuid_v7() as file from generate_series(1, ${HISTORY}) n
), accepted as (
  insert into executions (id, organisation_id, deployment_id, workflow_version_id, tags, include_metadata, include_metrics,
                          include_extracted_text, ending)
  select m.id, e.organisation_id, e.deployment_id, e.workflow_version_id, '{}', false, false, false, 'succeeded'
    from made m, (select * from executions limit 1) e
), stored as (
  insert into files (id, execution_id, organisation_id, ordinal, name, size, sha256, object, byte_offset)
  select file, id, $1, 0, 'a.txt', 1, md5(n::text), 'uploads/' || id, 0 from made
), carried_out as (
  insert into runs (id, organisation_id, root_id, task, queue, input, max_attempts, soft_limit_ms, hard_limit_ms, state, epoch, starts,
                    started_at, finished_at, ends)
  select id, $1, id, 'work', 'default', '{}', 3, 1000, 1000, 'succeeded', 1, 1, now(), now(), '{}' from made
)
insert into ended_executions (id, organisation_id, kind, ending) select id, $1, 'task', 'succeeded' from made`;

/** The planner would be told after a minute or so: too late, at thousands of runs a second. */
async function leaveUnanalysed(database: Database): Promise<void> {
  const tables = await database.query<{ name: string }>(
    `select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace`,
  );
  for (const { name } of tables) await database.query(`alter table ${name} set (autovacuum_enabled = false)`);
}

/** Rows that were read so far, by table. Connections tell it when they end, if not before. */
async function readUntilNow(url: string): Promise<Map<string, number>> {
  return await onConnection(url, async (connection) => {
    const rows = await connection.query<{ name: string; n: number }>(
      `select relname as name, (seq_tup_read + coalesce(idx_tup_fetch, 0))::int as n from pg_stat_user_tables
        where relname in ('executions', 'files', 'ended_executions') or relname like 'runs_%'`,
    );
    return new Map(rows.map(({ name, n }) => [name, n]));
  });
}

async function onConnection<T>(url: string, use: (connection: Database) => Promise<T>): Promise<T> {
  const connection = createDatabase({ url, logger: silentLogger(), connections: 1 });
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

/** The tables with a history of which more was read since than their keys would find, once everybody who read has gone. */
async function readMuch(url: string, before: Map<string, number>) {
  await onConnection(url, (connection) =>
    eventually(async () => {
      const others = `select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
      return (await connection.query(others)).length === 0;
    }),
  );
  const after = await readUntilNow(url);
  const read = [...after].map(([name, n]) => ({ name, n: n - (before.get(name) ?? 0) }));
  return read.filter(({ n }) => n > HISTORY / 4);
}

describe('what was planned while the database was empty reads no more once it has a history', () => {
  it('where single executions and tasks come and end', async () => {
    const started = await startWithWorkers();
    const { backend, tasks, organisation } = started;
    const { databaseUrl } = backend.config;
    await leaveUnanalysed(backend.database);
    await work(started);
    await backend.database.query(makeHistory, [organisation.id]);
    const before = await readUntilNow(databaseUrl);
    await work(started);
    await tasks.stop();
    await backend.stop();
    expect(await readMuch(databaseUrl, before)).toEqual([]);
    expect(await onConnection(databaseUrl, brokenInvariants)).toEqual([]);
  });

  it('where many end at once', async () => {
    const url = await postgres.createDatabase('many', truth);
    const model = await startModel(url, { concurrency: 100, connections: 1 });
    await leaveUnanalysed(model.database);
    const session = await model.session();
    const endMany = async () => {
      for (let n = 0; n < 200; n += 1) await model.submit('work');
      const claimed = await model.claimAll(session);
      expect(claimed).toHaveLength(200);
      await model.report(claimed.map((run) => ended.well(run)));
    };
    for (let round = 0; round < 3; round += 1) await endMany();
    await model.database.query(makeHistory, [model.organisationId]);
    const before = await readUntilNow(url);
    await endMany();
    await model.stop();
    expect(await readMuch(url, before)).toEqual([]);
    expect(await onConnection(url, brokenInvariants)).toEqual([]);
  });
});
