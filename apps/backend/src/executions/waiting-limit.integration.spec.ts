import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { eventually, poll, post, refusal, textFile, type Answer } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';

const MOST = 10;
let postgres: TestPostgres;
let backend: HttpBackend;
let deployment: TestDeployment;

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());
beforeEach(async () => {
  backend = await startBackend(postgres, { maxWaitingRuns: MOST });
  deployment = await backend.deploy(await backend.organisation(), 'invoices');
});
afterEach(async () => {
  try {
    expect(await brokenInvariants(backend.database)).toEqual([]);
  } finally {
    await backend.stop();
  }
});

const many = (count: number) =>
  Promise.all(Array.from({ length: count }, (_, index) => post(deployment, [textFile(`${index}`)])));
const accepted = (answers: readonly Answer[]) => answers.filter(({ status }) => status === 200);

it('failure mode 11: when as many runs wait as may, further requests are told to come again, and leave nothing', async () => {
  const answers = await many(40);
  expect(accepted(answers)).toHaveLength(MOST);
  for (const { status, headers, body } of answers.filter((answer) => answer.status !== 200)) {
    expect(status).toBe(503);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    const detail = `${MOST} runs wait to be executed; no more are accepted for the moment`;
    expect(body).toStrictEqual(refusal('server_error', 'unavailable', detail));
  }
  expect(await backend.rows()).toMatchObject({ executions: MOST, files: MOST, runs: MOST, dispatches: MOST });
  expect(await backend.storedFiles()).toHaveLength(MOST);
});

it('once they have run there is room again, at once', async () => {
  const answers = accepted(await many(MOST + 1));
  await backend.worker();
  for (const { body } of answers)
    await eventually(async () => (await poll(deployment, body.message.execution_id)).status === 200);
  await eventually(async () => (await post(deployment, [textFile('one more')])).status === 200);
});

it('what is refused for another reason, or repeated, takes no room', async () => {
  for (let times = 0; times < MOST * 3; times += 1)
    expect((await post(deployment, [textFile('a')], { timeout: 'never' })).status).toBe(400);
  expect(accepted(await many(MOST))).toHaveLength(MOST);
});
