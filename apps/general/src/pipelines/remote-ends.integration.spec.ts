import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { OpenedCredential } from '@longshore/contracts';
import type { FanOut } from '@longshore/tasks';
import { createFinishPipeline } from './finish-pipeline.ts';
import { createContext, EXECUTION, file, meansOf, run } from './pipelines.fixture.ts';
import { createPlanPipeline } from './plan-pipeline.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface Asked {
  readonly head: IncomingMessage;
  readonly body: string;
}

const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
const credentials: Record<string, OpenedCredential> = {
  archive: { type: 's3', values: { access_key_id: 'A', secret_access_key: 'B' } },
  hook: { type: 'webhook', values: { secret: SECRET } },
  shop: { type: 'basic', values: { username: 'me', password: 'hush' } },
};

/** A server that is all that lies outside; each request is answered as the test says. */
async function setup(answer: (asked: Asked) => { status?: number; body?: string; headers?: object }) {
  const asked: Asked[] = [];
  const server = createServer((head, response) => {
    void text(head).then((body) => {
      asked.push({ head, body });
      const { status = 200, body: said = '', headers = {} } = answer({ head, body });
      response.writeHead(status, { ...headers }).end(said);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => (server.closeAllConnections(), server.close()));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const backend = createContext({ credentials });
  const means = meansOf({ hosts: [host] });
  const common = { pipeline_id: 'inbox' };
  const none = { skipped: { unchanged: 0, active_elsewhere: 0, failed_3_times: 0 }, skipped_files: [] };
  return {
    ...backend,
    asked,
    address: `http://${host}`,
    plan: async (source: object, destination: unknown = 'none') =>
      (
        (await run(
          createPlanPipeline(means),
          { ...common, ...{ source, destination, force: false, max_parallel_files: 2 } },
          backend.context,
        )) as FanOut
      ).plan,
    finish: (destination: unknown, found = 1) =>
      run(createFinishPipeline(means), { ...common, ...none, destination, found }, backend.context),
  };
}

const object = (key: string, etag: string) =>
  `<Contents><Key>${key}</Key><ETag>"${etag}"</ETag><Size>1</Size></Contents>`;
const listing = (...objects: string[]) => `<R><IsTruncated>false</IsTruncated>${objects.join('')}</R>`;

describe('a bucket as the source of a pipeline', () => {
  it('has its objects read once, and not again while their marks stay', async () => {
    const outside = await setup(({ head }) =>
      head.url!.includes('list-type')
        ? { body: listing(object('in/a.txt', '1'), object('in/b.txt', '2')) }
        : { body: head.url!.slice(-5), headers: { ETag: head.url!.includes('a.txt') ? '"1"' : '"2"' } },
    );
    const source = {
      s3: { endpoint: outside.address, bucket: 'inbox', prefix: 'in/', credential: 'archive' },
    };
    const plan = await outside.plan(source);
    // Both are read at once and may arrive in either order; the plan keeps that of the source.
    expect(Object.fromEntries(outside.told.taken)).toEqual({ 'a.txt': 'a.txt', 'b.txt': 'b.txt' });
    expect(plan.children.map(({ key }) => key)).toEqual(['id of a.txt', 'id of b.txt']);
    for (const [path, mark] of outside.told.marks)
      outside.known.set(path, { path, mark: mark!, reason: 'unchanged', sha256: 'x' });
    outside.asked.length = 0;
    const again = await outside.plan(source);
    expect(outside.asked).toHaveLength(1);
    expect(again).toMatchObject({
      children: [],
      then: {
        input: { found: 2, skipped: { unchanged: 2 }, skipped_files: [{ file: 'a.txt' }, { file: 'b.txt' }] },
      },
    });
  });

  it.each([
    ['refuses the credential', 403, 'InvalidAccessKeyId', 'source_refused'],
    ['has no such bucket', 404, 'NoSuchBucket', 'source_missing'],
  ])('failure mode 13: that %s fails the execution and says why', async (_what, status, code, problem) => {
    const outside = await setup(() => ({ status, body: `<Error><Code>${code}</Code></Error>` }));
    const source = { s3: { endpoint: outside.address, bucket: 'inbox', credential: 'archive' } };
    await expect(outside.plan(source)).rejects.toMatchObject({
      ...{ code: problem, retryable: false, message: expect.stringContaining(code) },
    });
    expect(outside.told.listed).toEqual([]);
  });

  it('does not take its own results for files', async () => {
    const outside = await setup(() => ({ body: listing() }));
    const place = { endpoint: outside.address, bucket: 'inbox', credential: 'archive' };
    const planning = outside.plan(
      { s3: { ...place, prefix: 'in' } },
      { s3: { ...place, prefix: 'in/out/' } },
    );
    await expect(planning).rejects.toMatchObject({ code: 'destination_in_source', retryable: false });
  });

  it('is not read with a credential that is for something else', async () => {
    const outside = await setup(() => ({}));
    const source = { s3: { endpoint: outside.address, bucket: 'inbox', credential: 'hook' } };
    await expect(outside.plan(source)).rejects.toMatchObject({ code: 'credential_failed', retryable: false });
    expect(outside.asked).toEqual([]);
  });
});

describe('addresses with a credential', () => {
  it('are asked with it, and those to which they redirect without', async () => {
    const elsewhere = await setup(() => ({ body: 'far' }));
    const outside = await setup(({ head }) =>
      head.url === '/far.txt'
        ? { status: 302, headers: { Location: `${elsewhere.address}/x` } }
        : { body: head.headers.authorization ?? 'nobody' },
    );
    await outside.plan({
      https: { addresses: [`${outside.address}/near.txt`, `${outside.address}/far.txt`], credential: 'shop' },
    });
    const basic = `Basic ${Buffer.from('me:hush').toString('base64')}`;
    expect([...outside.told.taken.values()]).toEqual([basic]);
    // The guard knows one host of this test alone; what was asked there before it refused tells nothing.
    for (const { head } of elsewhere.asked) expect(head.headers.authorization).toBeUndefined();
  });
});

describe('results as objects of a bucket', () => {
  const destination = (endpoint: string) => ({
    s3: { endpoint, bucket: 'outbox', prefix: 'out/', credential: 'archive' },
  });

  it('have the path of their file, and are the same for each attempt', async () => {
    const outside = await setup(() => ({}));
    outside.holding([file('sub/a.txt')]);
    for (let time = 0; time < 2; time += 1) await outside.finish(destination(outside.address));
    const [first, second] = outside.asked;
    expect([first!.head.method, first!.head.url]).toEqual(['PUT', '/outbox/out/sub/a.txt.json']);
    expect(JSON.parse(first!.body)).toMatchObject({ file: 'sub/a.txt', execution_id: EXECUTION });
    expect(second!.body).toBe(first!.body);
  });

  it('failure mode 13: that may not be written fail the execution and say why', async () => {
    const outside = await setup(() => ({ status: 403, body: '<Error><Code>AccessDenied</Code></Error>' }));
    outside.holding([file('a.txt')]);
    await expect(outside.finish(destination(outside.address))).rejects.toMatchObject({
      ...{ code: 'destination_failed', retryable: false, message: expect.stringContaining('AccessDenied') },
    });
    expect(outside.told.settled).toEqual([]);
  });
});

describe('results that are posted', () => {
  it('are signed, and have the same id in each attempt', async () => {
    const outside = await setup(() => ({ status: 204 }));
    outside.holding([file('a.txt')]);
    const destination = { webhook: { url: `${outside.address}/in`, credential: 'hook' } };
    for (let time = 0; time < 2; time += 1) await outside.finish(destination);
    const [first, second] = outside.asked.map(({ head }) => head.headers);
    expect(first).toMatchObject({ 'webhook-id': 'id of a.txt', 'idempotency-key': 'id of a.txt' });
    expect(second!['webhook-id']).toBe(first!['webhook-id']);
    const signed = `id of a.txt.${String(first!['webhook-timestamp'])}.${outside.asked[0]!.body}`;
    const expected = createHmac('sha256', Buffer.alloc(24, 7)).update(signed).digest('base64');
    expect(first!['webhook-signature']).toBe(`v1,${expected}`);
  });

  it.each([
    [
      'does not want this one',
      422,
      { succeeded: 1, undelivered: [{ file: 'a.txt', reason: 'its server answered 422' }] },
    ],
    ['wants none', 401, { code: 'destination_failed', retryable: false }],
    ['is in trouble', 503, { code: 'destination_failed', retryable: true }],
  ])('to a receiver that %s', async (_what, status, outcome) => {
    const outside = await setup(({ body }) => ({ status: body.includes('a.txt') ? status : 200 }));
    outside.holding([file('a.txt'), file('b.md', { ordinal: 1 })]);
    const destination = { webhook: { url: outside.address, credential: 'shop' } };
    const ended = await outside.finish(destination, 2).catch((error: unknown) => error);
    expect(ended).toMatchObject(outcome);
    expect(outside.asked[0]!.head.headers.authorization).toMatch(/^Basic /);
  });
});
