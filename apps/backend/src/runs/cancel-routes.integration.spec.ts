import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import {
  startBackend,
  type HttpBackend,
  type TestDeployment,
  type TestOrganisation,
} from '../testing/http-backend.ts';
import { answer, bearer, eventually, poll, post, refusal, textFile } from '../testing/http-client.ts';
import { contentOf } from '../testing/http-worker.ts';
import { brokenInvariants } from '../testing/invariants.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let organisation: TestOrganisation;
let deployment: TestDeployment;

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  backend = await startBackend(postgres);
  organisation = await backend.organisation();
  deployment = await backend.deploy(organisation, 'invoices');
});
afterEach(async () => {
  try {
    expect(await brokenInvariants(backend.database)).toEqual([]);
  } finally {
    await backend.stop();
  }
});

const cancel = (id: string, key = organisation.key) =>
  answer(fetch(`${backend.url}/api/v1/executions/${id}/cancel`, { method: 'POST', headers: bearer(key) }));

const read = (id: string) =>
  answer(fetch(`${backend.url}/api/v1/executions/${id}`, { headers: bearer(organisation.key) }));

const submit = async (...names: string[]) =>
  (
    await post(
      deployment,
      names.map((name) => textFile(name)),
    )
  ).body.message.execution_id as string;

/** A worker that reads every file but `slow.txt`, which it holds until it is told to go on. */
async function workerThatIsSlow() {
  const reached = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const worker = await backend.worker({
    processFile: async (run, call) => {
      const text = await contentOf(run, call);
      if (text.includes('slow')) {
        reached.resolve();
        await finish.promise;
      }
      return { output: { output: { text } } };
    },
  });
  return { worker, reached: reached.promise, finish: finish.resolve };
}

describe('POST /api/v1/executions/{id}/cancel', () => {
  it('stops what nobody has begun; the client reads STOPPED once, without results', async () => {
    const id = await submit('a.txt');
    expect(await cancel(id)).toMatchObject({ status: 200, body: { execution_id: id, status: 'STOPPED' } });
    expect(await poll(deployment, id)).toMatchObject({
      status: 422,
      body: { status: 'STOPPED', message: null },
    });
    expect((await poll(deployment, id)).status).toBe(406);
    expect((await read(id)).body).toMatchObject({
      status: 'STOPPED',
      error: 'It was cancelled',
      result: null,
      files: [{ state: 'cancelled' }],
    });
    expect(await backend.rows()).toMatchObject({ live_executions: 0, dispatches: 0 });
  });

  it('stops what runs; the results of files that had ended are there, later ones are not', async () => {
    const { worker, reached, finish } = await workerThatIsSlow();
    const id = await submit('quick.txt', 'slow.txt');
    await reached;
    await eventually(async () => (await read(id)).body.successful_files === 1);
    expect((await cancel(id, backend.adminKey)).status).toBe(200);
    const [slow] = await backend.database.query<{ id: string }>(
      `select id from runs where state = 'cancelled' and ordinal is not null`,
    );
    const beat = await worker.call('POST', `/v1/sessions/${worker.sessionId}/heartbeat`, {
      body: { active: 1, loop_age_ms: 0, state: 'active' },
    });
    expect(await beat.json()).toMatchObject({ cancelled: [{ run_id: slow!.id, epoch: 1 }] });
    finish();
    await eventually(async () => (await backend.rows())['dispatches'] === 0);
    const { status, body } = await poll(deployment, id);
    expect({ status, state: body.status }).toEqual({ status: 422, state: 'STOPPED' });
    expect(
      body.message.map((result: { file: string; status: string }) => [result.file, result.status]),
    ).toEqual([['quick.txt', 'Success']]);
    expect((await read(id)).body.files.map((file: { state: string }) => file.state)).toEqual([
      'succeeded',
      'cancelled',
    ]);
  });

  it('answers who waits for the result with what there is', async () => {
    const { reached, finish } = await workerThatIsSlow();
    const waiting = post(deployment, [textFile('slow.txt')], { timeout: '60' });
    await reached;
    const [{ id }] = (await backend.database.query('select id from executions')) as [{ id: string }];
    await cancel(id);
    expect(await waiting).toMatchObject({
      status: 422,
      body: { message: { execution_id: id, execution_status: 'STOPPED', result: null } },
    });
    finish();
    await eventually(async () => (await backend.rows())['dispatches'] === 0);
  });

  it('answers the same when it is asked again, and refuses what has ended otherwise', async () => {
    const first = await submit('a.txt');
    for (let times = 0; times < 3; times += 1) expect((await cancel(first)).status).toBe(200);
    await backend.worker();
    const second = await submit('b.txt');
    await eventually(async () => (await read(second)).body.status === 'COMPLETED');
    expect(await cancel(second)).toMatchObject({
      status: 409,
      body: refusal('client_error', 'conflict', expect.stringContaining('COMPLETED')),
    });
  });

  it('reaches executions of the own organisation alone', async () => {
    const id = await submit('a.txt');
    const stranger = await backend.organisation();
    const none = refusal('client_error', 'not_found', 'No such execution');
    expect(await cancel(id, stranger.key)).toMatchObject({ status: 404, body: none });
    expect(await cancel(crypto.randomUUID())).toMatchObject({ status: 404, body: none });
    expect((await cancel(id, deployment.key)).status).toBe(403);
    expect((await cancel('no-uuid')).status).toBe(400);
    expect((await read(id)).body.status).toBe('PENDING');
  });
});
