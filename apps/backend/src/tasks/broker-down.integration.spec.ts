import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startFaultProxy, startPostgres, type FaultProxy, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend } from '../testing/http-backend.ts';
import { eventually } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { asking, startTaskWorker } from './tasks.fixture.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let proxy: FaultProxy;

beforeAll(async () => {
  postgres = await startPostgres();
  const brokerUrl = await postgres.createDatabase('broker');
  proxy = await startFaultProxy(Number(new URL(brokerUrl).port));
  backend = await startBackend(postgres, { brokerUrl: proxy.through(brokerUrl) });
});
afterAll(async () => {
  await backend?.stop();
  await proxy?.stop();
  await postgres?.stop();
});

it('while the broker is away tasks are accepted, it is told that it is, and all of them run once it is back', async () => {
  const client = asking(backend, await backend.organisation());
  const worker = await startTaskWorker(backend, () => ({ output: 'done' }));
  const brokerState = async () => (await client.ask('GET', '/workers/status')).body.broker.state;
  expect(await brokerState()).toBe('reachable');
  proxy.refuse(true);
  proxy.cut();
  const ids = await Promise.all(Array.from({ length: 30 }, () => client.id({ task_name: 'anything' })));
  expect(await brokerState()).toBe('unreachable');
  expect((await client.status(ids[0]!)).status).toBe('queued');
  proxy.refuse(false);
  for (const id of ids) expect((await client.result(id, 60)).status).toBe('finished');
  await eventually(async () => (await backend.rows())['dispatches'] === 0);
  expect(await brokenInvariants(backend.database)).toEqual([]);
  await worker.stop();
});
