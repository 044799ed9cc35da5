import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestOrganisation } from '../testing/http-backend.ts';
import { bearer, refusal } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { asking, startTaskWorker } from './tasks.fixture.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let organisation: TestOrganisation;
let worker: Awaited<ReturnType<typeof startTaskWorker>>;
beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres);
  organisation = await backend.organisation();
  worker = await startTaskWorker(backend, () => ({ output: null }));
});
afterAll(async () => {
  expect(await brokenInvariants(backend.database)).toEqual([]);
  await worker?.stop();
  await backend?.stop();
  await postgres?.stop();
});

const unauthorised = refusal('client_error', 'authentication_failed', 'Unauthorized');
const wish = { task_name: 'anything', parameters: {} };

async function hotStatements(): Promise<number> {
  const told = await (await fetch(`${backend.url}/metrics`, { headers: bearer(backend.adminKey) })).text();
  return Number(/^longshore_sql_statements_total\{.*pool="hot".*\} (\d+)/m.exec(told)![1]);
}

/** A key that submitted a moment ago, and what happened to it without a word to the backend. */
async function keyAfter(change: string) {
  const { secret, id } = await backend.keys.create({
    kind: 'organisation',
    name: 'submits',
    organisationId: organisation.id,
  });
  const { ask } = asking(backend, { key: secret });
  for (let n = 0; n < 3; n += 1) expect((await ask('POST', '/submit', wish)).status).toBe(200);
  await backend.database.transaction(async (client) => {
    await client.query('alter table api_keys disable trigger api_keys_changed');
    await client.query(`update api_keys set ${change} where id = $1`, [id]);
    await client.query('alter table api_keys enable trigger api_keys_changed');
  });
  return ask;
}

describe('a key that submitted a moment ago', () => {
  it('costs no statement of its own', async () => {
    const { ask } = asking(backend, organisation);
    const submitMany = async () => {
      for (let n = 0; n < 150; n += 1)
        expect((await ask('POST', '/submit', { ...wish, delay: 600 })).status).toBe(200);
    };
    await submitMany();
    const before = await hotStatements();
    await submitMany();
    expect((await hotStatements()) - before).toBeLessThan(225);
  });

  it.each([
    ['revoked', 'revoked_at = now()'],
    ['expired', `expires_at = now() - interval '1 ms'`],
  ])('and is %s is refused though nobody told of it, and nothing is written', async (_what, change) => {
    const ask = await keyAfter(change);
    const { runs } = await backend.rows();
    const { status, body } = await ask('POST', '/submit', { ...wish, idempotency_key: 'k' });
    expect({ status, body }).toEqual({ status: 401, body: unauthorised });
    expect(await backend.rows()).toMatchObject({ runs });
    expect(await backend.database.query(`select from task_keys where key = 'k'`)).toEqual([]);
  });

  it('and is revoked learns nothing about what it asks for', async () => {
    const ask = await keyAfter('revoked_at = now()');
    for (const asked of [
      { task_name: 'nobody-has-it', parameters: {} },
      { task_name: 'count', parameters: {} },
      {},
    ])
      expect((await ask('POST', '/submit', asked)).body).toEqual(unauthorised);
  });
});
