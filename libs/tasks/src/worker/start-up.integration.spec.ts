import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { apiError } from '@longshore/contracts';
import { redisIsAvailable, startFaultProxy } from '@longshore/testing';
import { SERVICE_KEY } from '../in-memory-backend/in-memory-backend.fixture.ts';
import { workersOnRedis } from '../workers-on-redis.fixture.ts';

const suite = (await redisIsAvailable()) ? describe : describe.skip;

const NEEDS = ['broker', 'backend', 'database'] as const;
type Need = (typeof NEEDS)[number];

/** What `/ready` says while this is what is missing: of several, the one that it asks for first. */
const REASONS: Readonly<Record<Need, RegExp>> = {
  broker: /^it waits for the broker$/,
  backend: /^it waits for the backend at http:\/\/127\.0\.0\.1:\d+\/internal: The backend is not available: /,
  database: /^it waits for the backend at \S+: .*The database does not answer/,
};

suite('a worker that is started first (needs redis-server on the PATH, or a Docker engine)', () => {
  const { redis, afterwards, backend: startBackend, worker: startWorker, publish } = workersOnRedis();

  /** A worker, and a way to let come what it needs: at first there is none of it. */
  async function setup(queue: string) {
    const backend = await startBackend({ brokerQueueOf: () => queue });
    const [toBroker, toBackend] = await Promise.all([
      startFaultProxy(redis().port),
      startFaultProxy(Number(new URL(backend.baseUrl).port)),
    ]);
    toBroker.refuse(true);
    toBackend.refuse(true);
    // What the backend answers while it has no database.
    backend.state.fault = () => apiError('unavailable', 'The database does not answer');
    const worker = startWorker({
      BROKER_URL: toBroker.through(redis().url),
      INTERNAL_API_BASE_URL: toBackend.through(backend.baseUrl),
      INTERNAL_SERVICE_API_KEY: SERVICE_KEY,
      TESTER_HEALTH_PORT: '0',
    });
    afterwards(() => Promise.all([toBroker.stop(), toBackend.stop()]));
    const come: Readonly<Record<Need, () => void>> = {
      broker: () => toBroker.refuse(false),
      backend: () => toBackend.refuse(false),
      database: () => (backend.state.fault = undefined),
    };
    const { port } = await worker.line('health server listens');
    const ask = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${port as number}${path}`);
      return { status: response.status, body: (await response.json()) as { reason?: string } };
    };
    /** Resolves when it says that it waits for this; it lives meanwhile. */
    const waitsFor = async (need: Need): Promise<void> => {
      for (;;) {
        const [ready, live] = await Promise.all([ask('/ready'), ask('/live')]);
        expect([ready.status, live.status]).toEqual([503, 200]);
        if (REASONS[need].test(ready.body.reason ?? '')) return;
        await once(worker.child.stdout!, 'data', { signal: AbortSignal.timeout(100) }).catch(() => undefined);
      }
    };
    return { backend, worker, come, ask, waitsFor };
  }

  async function startsIn(order: readonly Need[]): Promise<void> {
    const queue = order.join('-');
    const { backend, worker, come, ask, waitsFor } = await setup(queue);
    const missing = new Set(NEEDS);
    for (const need of order) {
      await waitsFor([...missing][0]!);
      come[need]();
      missing.delete(need);
    }
    await worker.line('worker takes work');
    expect((await ask('/ready')).status).toBe(200);
    await publish(queue, backend.parcel({ task: 'echo' }));
    await backend.until(() => backend.reports.length === 1);
    expect(backend.reports[0]).toMatchObject({ outcome: 'succeeded' });
    // It waited; nobody had to start it anew.
    expect([worker.child.exitCode, worker.errors()]).toEqual([null, '']);
  }

  it('says what it waits for, lives, and begins as soon as that came, in whatever order', async () => {
    // Side by side: a broker is asked every 2 s, a backend every 5 s.
    await Promise.all([
      startsIn(['database', 'backend', 'broker']),
      startsIn(['database', 'broker', 'backend']),
      startsIn(['backend', 'broker', 'database']),
    ]);
  });
});
