import { describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { apiError } from '@longshore/contracts';
import { WRONG_SET_UP } from '@longshore/runtime';
import { redisIsAvailable } from '@longshore/testing';
import type { RunSpec } from '../in-memory-backend/in-memory-backend.fixture.ts';
import { workersOnRedis } from '../workers-on-redis.fixture.ts';

const PROGRAM = fileURLToPath(new URL('./packed-process.fixture.ts', import.meta.url));
const KINDS = ['api-deployment', 'general', 'callback'] as const;
type Kind = (typeof KINDS)[number];
const suite = (await redisIsAvailable()) ? describe : describe.skip;

suite('kinds of worker in one process (needs redis-server on the PATH, or a Docker engine)', () => {
  const { redis, afterwards, backend: startBackend, worker: startWorker, publish } = workersOnRedis();

  const keyOf = (kind: string): string => `lsk_svc_${kind}_0123456789`;

  interface Settings {
    readonly env?: Record<string, string>;
    /** Whose keys are not good. */
    readonly refused?: readonly Kind[];
    /** Whose keys are good, for something else. */
    readonly mayNotServe?: readonly Kind[];
  }

  async function setup({ env = {}, refused = [], mayNotServe = [] }: Settings = {}) {
    const backend = await startBackend({ brokerQueueOf: (worker) => `pool-of-${worker}` });
    const bad = new Set<string>(refused.map(keyOf));
    backend.state.accepts = (key) => !bad.has(key);
    backend.state.fault = (method, path, body) =>
      `${method} ${path}` === 'POST /v1/sessions' &&
      mayNotServe.some((kind) => String(body).includes(`"worker":"${kind}"`))
        ? apiError('permission_denied', 'This key may not serve its queues')
        : undefined;
    const keys = mkdtempSync(join(tmpdir(), 'longshore-packed-keys-'));
    afterwards(() => rmSync(keys, { recursive: true }));
    for (const kind of KINDS) writeFileSync(join(keys, kind), keyOf(kind));
    const pack = startWorker(
      {
        ...{ BROKER_URL: redis().url, INTERNAL_API_BASE_URL: backend.baseUrl },
        ...{ INTERNAL_SERVICE_API_KEY_FILE: join(keys, '<worker>'), API_DEPLOYMENT_HEALTH_PORT: '0' },
        ...env,
      },
      KINDS,
      PROGRAM,
    );
    const live = (): string[] =>
      backend.sessions.filter(({ state }) => state === 'live').map(({ request }) => request.worker);
    await backend.until(() => live().length === KINDS.length - refused.length - mayNotServe.length);
    const submit = async (kind: Kind, spec: RunSpec): Promise<string> => {
      const message = backend.parcel(spec);
      await publish(`pool-of-${kind}`, message);
      return message.run_ids[0]!;
    };
    const begin = async (kind: Kind, spec: RunSpec): Promise<string> => {
      const id = await submit(kind, spec);
      await backend.until(() => backend.runs.get(id)?.state === 'running');
      return id;
    };
    const endsOf = (id: string): string[] =>
      backend.reports.filter(({ run_id }) => run_id === id).map(({ outcome }) => outcome);
    const ask = async (path: string) => {
      const { port } = await pack.line('health server listens');
      const response = await fetch(`http://127.0.0.1:${port as number}${path}`);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    return { backend, pack, live, submit, begin, endsOf, ask, bad };
  }

  it('told to stop, finish what they can, hand back the rest once, and end every session', async () => {
    const { backend, pack, begin, endsOf } = await setup({ env: { SHUTDOWN_GRACE: '1' } });
    const short = await begin('api-deployment', { task: 'sleep', input: { ms: 500 } });
    const long = await begin('general', { task: 'sleep', input: { ms: 60_000 } });
    const deaf = await begin('callback', { task: 'deaf' });
    pack.child.kill('SIGTERM');
    expect(await pack.ended).toBe(0);
    expect([short, long, deaf].map(endsOf)).toEqual([['succeeded'], ['released'], ['released']]);
    expect([...backend.runs.values()].map(({ state }) => state)).toEqual(['ended', 'queued', 'queued']);
    expect(backend.sessions.map(({ state }) => state)).toEqual(['ended', 'ended', 'ended']);
  });

  it('past a hard limit in one, that run ends, its kind gives back the others, and those of other kinds finish', async () => {
    const { backend, pack, begin, endsOf } = await setup();
    const other = await begin('general', { task: 'sleep', input: { ms: 1_500 } });
    const beside = await begin('callback', { task: 'sleep', input: { ms: 60_000 } });
    // Begun last: its limit counts from here.
    backend.state.dispatched = 1;
    const overdue = await begin('callback', { task: 'deaf', hardLimitMs: 300 });
    expect(await pack.ended).toBe(86);
    expect([overdue, beside, other].map(endsOf)).toEqual([['failed'], ['released'], ['succeeded']]);
    expect(backend.reports.find(({ run_id }) => run_id === overdue)).toMatchObject({
      error: { code: 'hard_limit' },
    });
    expect(backend.sessions.map(({ state }) => state)).toEqual(['ended', 'ended', 'ended']);
  });

  it('go on beside one whose key is refused, which says so and comes back by itself', async () => {
    const { backend, pack, live, submit, begin, endsOf, ask, bad } = await setup({ refused: ['callback'] });
    await pack.line('waiting');
    expect(await ask('/health')).toMatchObject({
      status: 503,
      body: { reasons: [expect.stringMatching(/^callback: the backend refuses it: .*Unauthorized/)] },
    });
    expect(await ask('/ready')).toMatchObject({
      status: 503,
      body: { reason: expect.stringMatching(/^callback: /) },
    });
    bad.clear();
    await backend.until(() => live().includes('callback'));
    await begin('callback', { task: 'sleep', input: { ms: 60_000 } });

    const lost = await begin('general', { task: 'sleep', input: { ms: 500 } });
    bad.add(keyOf('general'));
    await pack.line('session lapsed');
    const untouched = await submit('api-deployment', { task: 'echo' });
    await backend.until(() => endsOf(untouched).length === 1);
    expect(endsOf(lost)).toEqual([]);
    expect(await ask('/health')).toMatchObject({
      status: 503,
      body: { reasons: [expect.stringMatching(/^general: the backend refuses it: .*Unauthorized/)] },
    });
    expect((await ask('/live')).status).toBe(200);

    const before = backend.sessions.length;
    bad.clear();
    await backend.until(() => backend.sessions.length > before);
    const after = await submit('general', { task: 'echo' });
    await backend.until(() => endsOf(after).length === 1);
    await expect(ask('/health')).resolves.toMatchObject({ status: 200 });
  });

  it('do not start where the backend refuses what they are to do, and name each that it refuses', async () => {
    const { pack } = await setup({ mayNotServe: ['general', 'callback'] });
    expect(await pack.ended).toBe(WRONG_SET_UP);
    const { error } = await pack.line('start failed');
    for (const kind of ['general', 'callback'])
      expect(JSON.stringify(error)).toContain(`${kind} cannot start: This key may not serve its queues`);
  });
});
