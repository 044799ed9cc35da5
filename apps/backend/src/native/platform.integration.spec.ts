import { chmod } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { CONTRACT_VERSION, platformSchema, RELEASE } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend } from '../testing/http-backend.ts';
import { answer, bearer } from '../testing/http-client.ts';

let postgres: TestPostgres;
let backend: HttpBackend;

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres);
});
afterAll(async () => {
  await backend?.stop();
  await postgres?.stop();
});

async function look() {
  const { status, body } = await answer(
    fetch(`${backend.url}/api/v1/platform`, { headers: bearer(backend.adminKey) }),
  );
  expect(status).toBe(200);
  return platformSchema.parse(body);
}

it('a backend that is well finds nothing wrong', async () => {
  const found = await look();
  expect(found).toMatchObject({
    release: RELEASE,
    contract_version: CONTRACT_VERSION,
    lapsed: [],
    workers: [],
  });
  expect(found.database).toMatchObject({ pending_migrations: [], later_migrations: [] });
  expect(Math.abs(found.database.clock_ahead_ms)).toBeLessThan(1_000);
  expect(found.broker).toEqual({ kind: 'postgres', problem: null });
  expect(found.storage).toMatchObject({ problem: null, free_bytes: expect.any(Number) });
});

it('migrations of other releases, lapsed workers and their contract are told', async () => {
  const session = (id: number, state: string, ended: string) =>
    backend.database.query(
      `insert into sessions (id, pool, worker, instance, hostname, pid, queues, tasks, concurrency, contract_version, state, ended_at)
       values ($1, 'p', 'general', $2, 'one', 1, '{}', '{}', 1, 7, $3, ${ended})`,
      [`019a0000-0000-7000-8000-00000000000${id}`, `general-${id}`, state],
    );
  await session(1, 'active', 'null');
  await session(2, 'lapsed', "now() - interval '1 hour'");
  await session(3, 'lapsed', "now() - interval '2 days'");
  await session(4, 'ended', 'now()');
  await backend.database.query(`insert into schema_migrations (name) values ('9999-later')`);
  const [gone] = await backend.database.query<{ name: string }>(
    `delete from schema_migrations where name = (select max(name) from schema_migrations where name < '9999') returning name`,
  );
  const found = await look();
  expect(found.database).toMatchObject({
    pending_migrations: [gone!.name],
    later_migrations: ['9999-later'],
  });
  expect(found.lapsed.map(({ instance }) => instance)).toEqual(['general-2']);
  expect(found.workers).toEqual([
    { worker: 'general', instance: 'general-1', hostname: 'one', contract_version: 7 },
  ]);
});

// Root may write everywhere.
(process.getuid?.() === 0 ? it.skip : it)('a store in which nothing can be written is told', async () => {
  await chmod(`${backend.folder}/tmp`, 0o500);
  const { storage } = await look();
  await chmod(`${backend.folder}/tmp`, 0o700);
  expect(storage.problem).toContain('EACCES');
});
