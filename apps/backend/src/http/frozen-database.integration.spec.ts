import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startOwnPostgres, type OwnPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { answer, bearer, eventually, poll } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';

/** What workers wait for an answer, and most clients. */
const CALL_MS = 30_000;

let postgres: OwnPostgres;
let backend: HttpBackend;
let deployment: TestDeployment;
beforeAll(async () => {
  postgres = await startOwnPostgres();
  backend = await startBackend(postgres);
  deployment = await backend.deploy(await backend.organisation(), 'frozen');
});
afterAll(async () => {
  postgres?.thaw();
  await backend?.stop();
  await postgres?.stop();
});

function post(key: string) {
  const form = new FormData();
  form.append('files', new Blob([`content ${key}`]), 'a.txt');
  const headers = { ...bearer(deployment.key), 'Idempotency-Key': key };
  return answer(fetch(`${deployment.url}/`, { method: 'POST', headers, body: form }));
}

it('while the database is frozen clients are told 503 in time; then all goes on, and nothing is there twice', async () => {
  const keys = Array.from({ length: 30 }, (_, key) => `key-${key}`);
  postgres.freeze();
  const startedAt = performance.now();
  const answers = await Promise.all(keys.map(post));
  expect(performance.now() - startedAt).toBeLessThan(CALL_MS);
  for (const { status, headers, body } of answers) {
    expect({ status, code: body.errors[0].code }).toEqual({ status: 503, code: 'unavailable' });
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  }
  postgres.thaw();
  const ids = await Promise.all(keys.map((key) => accepted(key)));
  expect(new Set(ids).size).toBe(keys.length);
  expect((await backend.rows())['executions']).toBe(keys.length);
  await backend.worker();
  for (const id of ids) await eventually(async () => (await poll(deployment, id)).status === 200);
  expect(await brokenInvariants(backend.database)).toEqual([]);
});

/** As the contract asks: who is told to come again comes again, under the same key. */
async function accepted(key: string): Promise<string> {
  let id = '';
  await eventually(async () => {
    const { status, body } = await post(key);
    if (status === 200) id = body.message.execution_id;
    else expect(status).toBe(503);
    return id !== '';
  });
  return id;
}
