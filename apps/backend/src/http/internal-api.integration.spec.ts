import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readPlatformMark } from '@longshore/broker';
import { CONTRACT_VERSION, type ClaimedRun, type JsonValue } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import pg from 'pg';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { answer, eventually, poll, post, refusal, textFile } from '../testing/http-client.ts';
import { createRunTokens } from '../runs/run-tokens.ts';
import { instanceSecret } from '../store/instance-secret.ts';
import { contentOf, registration, workerCall, type WorkerCall } from '../testing/http-worker.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let deployment: TestDeployment;
/** Called by the worker for each file run; each test puts its own here. */
let processFile: (
  run: ClaimedRun,
  call: WorkerCall,
) => Promise<{ ref: string; size: number } | { output: JsonValue }>;

/** Called by the worker for what follows the files. */
let whileFinishing: (run: ClaimedRun, call: WorkerCall) => Promise<void> = async () => undefined;

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres);
  deployment = await backend.deploy(await backend.organisation(), 'invoices');
  await backend.worker({
    processFile: (run, call) => processFile(run, call),
    whileFinishing: (run, call) => whileFinishing(run, call),
  });
});
afterAll(async () => {
  await backend?.stop();
  await postgres?.stop();
});

const callWith = async (workers: string[], queues: string[]) => {
  const { secret } = await backend.keys.create({ kind: 'service', name: 'x', workers, queues });
  return workerCall({ url: backend.url, key: secret });
};
const everyQueue = registration().queues;
const answered = (call: WorkerCall, ...words: Parameters<WorkerCall>) => answer(call(...words));
const NOBODY = '00000000-0000-7000-8000-000000000000';

/** Runs an execution of one file and gives the test the run in the middle of its work. */
async function within<T>(
  content: string,
  look: (run: ClaimedRun, call: WorkerCall) => Promise<T>,
): Promise<{ seen: T; run: ClaimedRun }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ seen: T; run: ClaimedRun }>();
  processFile = async (run, call) => {
    await look(run, call).then((seen) => resolve({ seen, run }), reject);
    return { output: null };
  };
  await post(deployment, [textFile('a.txt', content)]);
  return await promise;
}

describe('the health of the backend', () => {
  it('is told to service keys alone, with the contract version', async () => {
    const get = (authorization?: string) =>
      answer(
        fetch(`${backend.url}/internal/v1/health/`, {
          headers: authorization === undefined ? {} : { Authorization: authorization },
        }),
      );
    const { secret } = await backend.keys.create({
      kind: 'service',
      name: 'x',
      workers: ['x'],
      queues: ['y'],
    });
    expect(await get()).toMatchObject({
      status: 403,
      body: refusal('client_error', 'missing_api_key', 'Missing api key'),
    });
    expect((await get('Bearer lsk_svc_wrong')).status).toBe(401);
    expect((await get(`Bearer ${backend.adminKey}`)).status).toBe(403);
    expect((await get(`Bearer ${deployment.key}`)).status).toBe(403);
    expect(await get(`Bearer ${secret}`)).toMatchObject({
      status: 200,
      body: { status: 'ok', contract_version: CONTRACT_VERSION },
    });
  });
});

describe('the broker', () => {
  it('is marked for the worker that asks, and again after it was emptied', async () => {
    const call = await callWith(['general'], ['default']);
    const marked = async () => (await answered(call, 'GET', '/v1/health/')).body;
    const { broker_mark: before } = (await marked()) as { broker_mark: string };
    expect(await readPlatformMark(backend.config.brokerUrl)).toBe(before);
    const client = new pg.Client({ connectionString: backend.config.brokerUrl });
    await client.connect();
    await client.query('delete from bullmq.meta').finally(() => client.end());
    expect(await readPlatformMark(backend.config.brokerUrl)).toBeNull();
    const { broker_mark: mark } = (await marked()) as { broker_mark: string };
    expect(mark).toBe(before);
    expect(await readPlatformMark(backend.config.brokerUrl)).toBe(mark);
  });
});

describe('a service key', () => {
  it('registers only the workers and queues that it is bound to', async () => {
    const call = await callWith(['general'], ['default']);
    const attempt = (change: object) =>
      answered(call, 'POST', '/v1/sessions', {
        body: { ...registration(), queues: ['default'], ...change },
      });
    expect((await attempt({})).status).toBe(200);
    expect(await attempt({ worker: 'callback' })).toMatchObject({
      status: 403,
      body: { errors: [{ attr: 'worker' }] },
    });
    expect(await attempt({ queues: ['default', 'llm'] })).toMatchObject({
      status: 403,
      body: {
        errors: [
          { attr: 'queues', detail: expect.stringContaining('may not serve the queues llm: serve them') },
        ],
      },
    });
  });

  it('acts for no session of another worker', async () => {
    const general = await callWith(['general'], everyQueue);
    const callback = await callWith(['callback'], everyQueue);
    const { body } = await answered(general, 'POST', '/v1/sessions', { body: registration() });
    const session = body.session_id as string;
    const heartbeat = { body: { active: 0, loop_age_ms: 0, state: 'active' } };
    const claims = [{ dispatch_id: NOBODY, run_ids: [NOBODY], claim_id: NOBODY }];
    const report = { run_id: NOBODY, epoch: 1, token: 'x', outcome: 'released' };
    const tries = (call: WorkerCall) =>
      Promise.all([
        answered(call, 'POST', `/v1/sessions/${session}/heartbeat`, heartbeat),
        answered(call, 'POST', '/v1/claims', { body: { session_id: session, claims } }),
        answered(call, 'POST', '/v1/reports', { body: { session_id: session, reports: [report] } }),
      ]);
    for (const { status } of await tries(callback)) expect(status).toBe(403);
    for (const { status } of await tries(general)) expect(status).toBe(200);
    expect((await answered(callback, 'DELETE', `/v1/sessions/${session}`)).status).toBe(403);
    expect((await answered(general, 'DELETE', `/v1/sessions/${session}`)).status).toBe(200);
    for (const { status } of await tries(general)) expect(status).toBe(410);
  });
});

describe('a service key for some of the queues', () => {
  it('acts for no session that serves more than it may', async () => {
    const all = await callWith(['general'], everyQueue);
    const some = await callWith(['general'], everyQueue.slice(1));
    const { body } = await answered(all, 'POST', '/v1/sessions', { body: registration() });
    const session = body.session_id as string;
    const claims = [{ dispatch_id: NOBODY, run_ids: [NOBODY], claim_id: NOBODY }];
    const report = { run_id: NOBODY, epoch: 1, token: 'x', outcome: 'released' };
    const heartbeat = { body: { active: 0, loop_age_ms: 0, state: 'active' } };
    const tries = [
      await answered(some, 'POST', `/v1/sessions/${session}/heartbeat`, heartbeat),
      await answered(some, 'POST', '/v1/claims', { body: { session_id: session, claims } }),
      await answered(some, 'POST', '/v1/reports', { body: { session_id: session, reports: [report] } }),
      await answered(some, 'DELETE', `/v1/sessions/${session}`),
    ];
    for (const { status, body: told } of tries) {
      expect(status).toBe(403);
      expect(told.errors[0].detail).toContain(`This key may not serve the queues ${everyQueue[0]}:`);
    }
    expect((await answered(all, 'DELETE', `/v1/sessions/${session}`)).status).toBe(200);
  });
});

describe('a run token', () => {
  it('opens nothing any more once its run has ended, and never anything once it has expired', async () => {
    const { run } = await within(JSON.stringify('x'.repeat(100_000)), async (claimed) => claimed.run_id);
    await eventually(async () => !(await isLive(run.execution_id)));
    const past = createRunTokens(
      await instanceSecret(backend.database, 'run_tokens'),
      () => Date.now() - 3_600_000,
    );
    const doors = (of: ClaimedRun, call: WorkerCall, token: string) =>
      Promise.all([
        answered(call, 'GET', `/v1/files/${of.file!.file_id}/content`, { token }),
        answered(call, 'GET', `/v1/runs/${of.run_id}/children`, { token }),
        answered(call, 'PUT', `/v1/runs/${of.run_id}/output`, { token, body: Buffer.from('{}') }),
        answered(call, 'GET', `/v1/workflow-versions/${NOBODY}`, { token }),
      ]);
    const call = await callWith(['general'], everyQueue);
    for (const { status } of await doors(run, call, run.token)) expect(status).toBe(401);
    const { seen } = await within(JSON.stringify('y'.repeat(100_000)), async (claimed, workerCalls) => {
      const {
        run_id: runId,
        epoch,
        organisation_id: organisationId,
        execution_id: executionId,
        task,
      } = claimed;
      const claims = { runId, epoch, organisationId, executionId, task };
      return {
        expired: await doors(claimed, workerCalls, past.issue(claims, 1_000)),
        earlier: await doors(claimed, workerCalls, past.issue({ ...claims, epoch: epoch - 1 }, 7_200_000)),
        good: await doors(claimed, workerCalls, past.issue(claims, 7_200_000)),
      };
    });
    for (const { status } of [...seen.expired, ...seen.earlier]) expect(status).toBe(401);
    expect(seen.good.map(({ status }) => status)).toStrictEqual([200, 200, 200, 404]);
  });

  it('reaches the content of its own file, small or large', async () => {
    for (const content of ['small', 'large '.repeat(20_000)]) {
      const { seen } = await within(content, contentOf);
      expect(seen).toBe(content);
    }
  });

  it('does not reach a file of another execution, nor does a made-up one', async () => {
    const first = await within('first', async (run) => run.file!.file_id);
    const { seen } = await within('second', async (run, call) =>
      Promise.all([
        answered(call, 'GET', `/v1/files/${first.seen}/content`, { token: run.token }),
        answered(call, 'GET', `/v1/files/${NOBODY}/content`, { token: run.token }),
        answered(call, 'GET', `/v1/files/${run.file!.file_id}/content`),
        answered(call, 'GET', `/v1/files/${run.file!.file_id}/content`, { token: `${run.token}x` }),
        answered(call, 'GET', `/v1/files/${run.file!.file_id}/content`, { token: forged(run.token) }),
      ]),
    );
    expect(seen.map(({ status }) => status)).toStrictEqual([404, 404, 401, 401, 401]);
  });

  it('is worth nothing without a service key', async () => {
    const { seen } = await within('x', async (run) => {
      const call = workerCall({ url: backend.url, key: deployment.key });
      return await answered(call, 'GET', `/v1/files/${run.file!.file_id}/content`, { token: run.token });
    });
    expect(seen.status).toBe(403);
  });

  it('reads no children and stores no output of another run', async () => {
    const first = await within('first', async (run) => run.run_id);
    const { seen } = await within('second', async (run, call) =>
      Promise.all([
        answered(call, 'GET', `/v1/runs/${first.seen}/children`, { token: run.token }),
        answered(call, 'PUT', `/v1/runs/${first.seen}/output`, { token: run.token, body: Buffer.from('{}') }),
        answered(call, 'GET', `/v1/runs/${run.run_id}/children`, { token: run.token }),
      ]),
    );
    expect(seen.map(({ status }) => status)).toStrictEqual([404, 404, 200]);
    expect(seen[2]!.body).toStrictEqual({ children: [] });
  });

  it('reads what the children made that it follows, however large, and nothing of others', async () => {
    const large = { text: 'ü'.repeat(100_000) };
    const stranger = (await within('stranger', async (run) => run.run_id)).seen;
    const { promise: seen, resolve, reject } = Promise.withResolvers<unknown[]>();
    processFile = async (run, call) => {
      const words = await contentOf(run, call);
      if (words !== 'large') return { output: { words } };
      const body = Buffer.from(JSON.stringify(large));
      const stored = call('PUT', `/v1/runs/${run.run_id}/output`, { token: run.token, body });
      return (await answer(stored)).body as { ref: string; size: number };
    };
    whileFinishing = async ({ run_id: id, token, children }, call) => {
      if (children!.length < 2) return;
      const ids = [...children!.map(({ run_id }) => run_id), stranger];
      const asked = ids.map((child) =>
        answered(call, 'GET', `/v1/runs/${id}/children/${child}/output`, { token }),
      );
      await Promise.all(asked).then(
        (answers) => resolve(answers.map(({ status, body }) => [status, body])),
        reject,
      );
    };
    await post(deployment, [textFile('a.txt', 'large'), textFile('b.txt', 'small')]);
    expect(await seen).toEqual([
      [200, large],
      [200, { words: 'small' }],
      [404, expect.anything()],
    ]);
    whileFinishing = async () => undefined;
  });

  it('reads workflow versions of its own organisation only, without what the worker does not need', async () => {
    const foreign = await backend.deploy(await backend.organisation(), 'foreign');
    const versions = await backend.database.query<{ id: string; deployment_id: string }>(
      'select v.id, d.id as deployment_id from workflow_versions v join deployments d on d.workflow_id = v.workflow_id',
    );
    const versionOf = ({ id }: TestDeployment) => versions.find((row) => row.deployment_id === id)!.id;
    const { seen } = await within('x', async (run, call) =>
      Promise.all(
        [deployment, foreign].map((each) =>
          answered(call, 'GET', `/v1/workflow-versions/${versionOf(each)}`, { token: run.token }),
        ),
      ),
    );
    expect(seen.map(({ status }) => status)).toStrictEqual([200, 404]);
    expect(seen[0]!.body).toStrictEqual({ id: versionOf(deployment), definition: { steps: [{ read: {} }] } });
  });
});

describe('a large output', () => {
  it('goes to the file store first, and the result is read from there', async () => {
    const text = 'x'.repeat(300_000);
    processFile = async (run, call) => {
      const body = Buffer.from(JSON.stringify({ output: { text } }));
      return (await answered(call, 'PUT', `/v1/runs/${run.run_id}/output`, { token: run.token, body })).body;
    };
    const { status, body } = await post(deployment, [textFile('a.txt')], { timeout: '60' });
    expect(status).toBe(200);
    expect(body.message.result[0].result.output.text).toBe(text);
  });

  it('that is no result fails its file, and the other files keep theirs', async () => {
    processFile = async (run, call) => {
      const text = await contentOf(run, call);
      if (text === 'good') return { output: { output: 1 } };
      if (text === 'empty') return { output: null };
      const body = Buffer.from(text);
      return (await answered(call, 'PUT', `/v1/runs/${run.run_id}/output`, { token: run.token, body })).body;
    };
    const files = ['good', 'empty', 'not JSON', '"text"', '[]'].map((text) => textFile(text, text));
    const { status, body } = await post(deployment, files, { timeout: '60' });
    const error = 'The worker stored a result that cannot be read';
    expect([status, body.message.execution_status]).toStrictEqual([200, 'COMPLETED']);
    expect(body.message.result).toMatchObject([
      { status: 'Success', result: { output: 1 } },
      ...Array(4).fill({ status: 'Failed', result: null, error }),
    ]);
  });

  it('that is gone from the file store is our failure, and the read is not used up', async () => {
    let ref = '';
    processFile = async (run, call) => {
      const body = Buffer.from('{"output":1}');
      const stored = await answered(call, 'PUT', `/v1/runs/${run.run_id}/output`, { token: run.token, body });
      ref = stored.body.ref;
      return stored.body;
    };
    const { body } = await post(deployment, [textFile('a.txt', 'b')]);
    const id: string = body.message.execution_id;
    await eventually(async () => !(await isLive(id)));
    const path = `${backend.folder}/${ref}`;
    const { rename } = await import('node:fs/promises');
    await rename(path, `${path}-away`);
    expect(await poll(deployment, id)).toMatchObject({
      status: 500,
      body: refusal('server_error', 'internal_error', 'The stored result is gone from the file store'),
    });
    await rename(`${path}-away`, path);
    expect(await poll(deployment, id)).toMatchObject({ status: 200 });
  });
});

async function isLive(id: string): Promise<boolean> {
  return (await backend.database.query('select 1 from live_executions where id = $1', [id])).length > 0;
}

/** The token with another run in it, under the old signature. */
function forged(token: string): string {
  const [body, signature] = token.slice('lsr_'.length).split('.') as [string, string];
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as unknown[];
  claims[0] = NOBODY;
  return `lsr_${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`;
}
