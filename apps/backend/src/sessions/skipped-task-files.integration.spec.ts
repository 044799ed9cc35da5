import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { type HttpBackend, startBackend } from '../testing/http-backend.ts';
import { answer, bearer } from '../testing/http-client.ts';
import { startModel } from '../testing/model.ts';

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

it('what a worker could not load is shown with its session; one that tells of nothing shows nothing', async () => {
  const model = await startModel(backend.config.databaseUrl);
  const about = {
    ...{ worker: 'general', hostname: 'here', pid: 1, contract_version: 1, health_port: null },
    ...{ queues: ['general'], tasks: [], concurrency: 1 },
  };
  const skipped = [{ file: '/tasks/a.ts', reason: 'Unexpected "end"' }];
  await model.sessions.register({ ...about, instance: 'one', skipped_task_files: skipped });
  await model.sessions.register({ ...about, instance: 'two' });
  const { body } = await answer(
    fetch(`${backend.url}/api/v1/workers`, { headers: bearer(backend.adminKey) }),
  );
  const told = body.pools.flatMap(({ sessions }: { sessions: Record<string, unknown>[] }) =>
    sessions.map((session) => [session['instance'], session['skipped_task_files']]),
  );
  expect(told).toEqual([
    ['one', skipped],
    ['two', []],
  ]);
  await model.stop();
});
