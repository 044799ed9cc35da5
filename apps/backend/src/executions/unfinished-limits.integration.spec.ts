import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { eventually, post, refusal, textFile, type Answer } from '../testing/http-client.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let deployment: TestDeployment;

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());
beforeEach(async () => {
  backend = await startBackend(postgres, { maxUnfinishedPerOrganisation: 5, maxUnfinished: 8 });
  deployment = await backend.deploy(await backend.organisation(), 'invoices');
});
afterEach(() => backend.stop());

const many = (count: number, target = deployment) =>
  Promise.all(Array.from({ length: count }, (_, index) => post(target, [textFile(`${index}`)])));
const accepted = (answers: readonly Answer[]) => answers.filter(({ status }) => status === 200);
const live = async () => (await backend.rows())['live_executions'];

it('of 100 requests at once with room for 5, exactly 5 are accepted and the others leave nothing', async () => {
  const answers = await many(100);
  expect(accepted(answers)).toHaveLength(5);
  for (const { status, headers, body } of answers.filter((answer) => answer.status !== 200)) {
    expect(status).toBe(429);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    const detail = 'This organisation has 5 unfinished executions; 5 are allowed';
    expect(body).toStrictEqual(refusal('client_error', 'too_many_executions', detail));
  }
  expect(await backend.rows()).toMatchObject({
    executions: 5,
    live_executions: 5,
    files: 5,
    runs: 5,
    dispatches: 5,
  });
  expect(await backend.storedFiles()).toHaveLength(5);
});

it('failure mode 24: the limit holds across two backends', async () => {
  const other = await startBackend(postgres, {}, backend);
  const there = { ...deployment, url: `${other.url}${deployment.path}` };
  const answers = await Promise.all([many(25), many(25, there)]);
  expect(accepted(answers.flat())).toHaveLength(5);
  expect(await backend.storedFiles()).toHaveLength(5);
  await other.stop();
});

it('organisations do not take room from each other, until there is none left at all', async () => {
  const second = await backend.deploy(await backend.organisation(), 'invoices');
  expect(accepted(await many(10))).toHaveLength(5);
  const answers = await many(10, second);
  expect(accepted(answers)).toHaveLength(3);
  const refused = answers.find(({ status }) => status === 429)!;
  expect(refused.body.errors[0].detail).toBe(
    '8 executions are unfinished; no more are accepted for the moment',
  );
});

it('wrong fields are told before the limit is', async () => {
  await many(5);
  expect((await post(deployment, [textFile('a')], { timeout: 'x' })).status).toBe(400);
  expect((await post(deployment, [textFile('a')])).status).toBe(429);
});

it('what has ended, well or badly, makes room again', async () => {
  await many(4);
  await post(deployment, [textFile('bad', 'fail: on purpose')]);
  expect((await post(deployment, [textFile('a')])).status).toBe(429);
  await backend.worker();
  await eventually(async () => (await live()) === 0);
  expect(accepted(await many(50)).length).toBeGreaterThanOrEqual(5);
});
