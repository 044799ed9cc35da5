import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { hostname } from 'node:os';
import { apiError } from '@longshore/contracts';
import type { Lifecycle } from '@longshore/runtime';
import { silentLogger, WRONG_SET_UP } from '@longshore/runtime';
import { redisIsAvailable } from '@longshore/testing';
import { SERVICE_KEY } from '../in-memory-backend/in-memory-backend.fixture.ts';
import { runSeveral } from './several-workers.ts';
import { workersOnRedis } from '../workers-on-redis.fixture.ts';

const PROGRAM = fileURLToPath(new URL('../worker-process.fixture.ts', import.meta.url));
const suite = (await redisIsAvailable()) ? describe : describe.skip;

suite('several processes of a worker (needs redis-server on the PATH, or a Docker engine)', () => {
  const {
    redis,
    afterwards,
    backend: startBackend,
    worker: startWorker,
    publish: publishTo,
  } = workersOnRedis();

  async function setup() {
    const backend = await startBackend();
    const env = {
      ...{ BROKER_URL: redis().url, INTERNAL_API_BASE_URL: backend.baseUrl },
      ...{ INTERNAL_SERVICE_API_KEY: SERVICE_KEY, TESTER_HEALTH_PORT: '0', PATH: process.env['PATH'] ?? '' },
    };
    const live = () => backend.sessions.filter(({ state }) => state === 'live');
    const publish = (count: number, task: string, input = {}): Promise<void> => {
      const messages = Array.from({ length: count }, () => backend.parcel({ task, input }));
      return publishTo('pool-of-test', ...messages);
    };
    return { backend, env, live, publish };
  }

  /** The part of a process's life that runs several, in this process. */
  async function runHere(env: Record<string, string>, count: number) {
    const stopping = new AbortController();
    const steps: ((deadline: AbortSignal) => Promise<void> | void)[] = [];
    const lifecycle: Lifecycle = {
      get stopping() {
        return stopping.signal.aborted;
      },
      signal: stopping.signal,
      onStop: (_label, step) => void steps.push(step),
      fail: (error) => {
        throw error;
      },
    };
    afterwards(async () => {
      stopping.abort();
      for (const step of steps.reverse()) await step(AbortSignal.timeout(5_000));
    });
    const port = await runSeveral({
      ...{
        worker: 'tester',
        lifecycle,
        restartDelayMs: 300,
        logger: silentLogger(),
        writeLine: () => undefined,
      },
      config: {
        ...{ count, queues: ['tester'], host: '127.0.0.1', givenName: undefined },
        healthPort: { value: 0, explicit: true },
      },
      program: { command: process.execPath, args: [PROGRAM], env },
    });
    const ask = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return { status: response.status, text: await response.text() };
    };
    const health = async () => JSON.parse((await ask('/health')).text) as Health;
    return { ask, health, port };
  }

  it('work on while one that was killed is started again, and have one health server', async () => {
    const { backend, env, live, publish } = await setup();
    const { ask, health, port } = await runHere(env, 3);
    await backend.until(() => live().length === 3);
    const names = [1, 2, 3].map((index) => `worker-${hostname()}-${index}`);
    expect(
      live()
        .map(({ request }) => request.instance)
        .sort(),
    ).toEqual(names);
    expect(live().map(({ request }) => request.health_port)).toEqual([port, port, port]);

    await publish(30, 'echo');
    await backend.until(() => backend.reports.length === 30);
    const victim = live()[0]!;
    process.kill(victim.request.pid, 'SIGKILL');
    backend.lapse(victim);
    await publish(30, 'echo');
    await backend.until(() => backend.reports.length === 60);
    await backend.until(() => live().length === 3);
    expect(
      live()
        .map(({ request }) => request.instance)
        .sort(),
    ).toEqual(names);
    expect(live().map(({ request }) => request.pid)).not.toContain(victim.request.pid);

    const { status, worker, worker_count, processes } = await health();
    expect({ status, worker, worker_count }).toEqual({
      status: 'healthy',
      worker: 'tester',
      worker_count: 3,
    });
    expect(processes.map(({ name }) => name)).toEqual(names);
    expect(processes.map(({ restarts }) => restarts).sort()).toEqual([0, 0, 1]);
    expect((await ask('/ready')).status).toBe(200);
    expect((await ask('/live')).status).toBe(200);
    const { text } = await ask('/metrics');
    expect(text).toMatch(/^longshore_supervisor_restarts_total\{.*\} 1$/m);
    for (const name of names)
      expect(text).toMatch(new RegExp(`^longshore_worker_active_runs\\{.*process="${name}"`, 'm'));
    expect(text.match(/^# TYPE longshore_worker_active_runs gauge$/gm)).toHaveLength(1);
  });

  it('finish what they do when the process that runs them is told to stop', async () => {
    const { backend, env, live, publish } = await setup();
    const parent = startWorker({ ...env, WORKER_COUNT: '2', WORKER_CONCURRENCY: '1' });
    await parent.line('Starting 2 workers for queue tester');
    await backend.until(() => live().length === 2);
    await publish(2, 'sleep', { ms: 700 });
    await backend.until(() => [...backend.runs.values()].every(({ state }) => state === 'running'));
    parent.child.kill('SIGTERM');
    expect(await parent.ended).toBe(0);
    expect(backend.reports.map(({ outcome }) => outcome)).toEqual(['succeeded', 'succeeded']);
    expect(backend.sessions.map(({ state }) => state)).toEqual(['ended', 'ended']);
    // Their lines are told too: nobody else reads them.
    const ready = parent.lines.filter(({ message }) => message === 'worker takes work');
    expect(ready.map((line) => line['process']).sort()).toEqual(
      [1, 2].map((index) => `worker-${hostname()}-${index}`),
    );
  });

  it('end when the process that runs them is killed', async () => {
    const { backend, env, live } = await setup();
    const parent = startWorker({ ...env, WORKER_COUNT: '2' });
    await backend.until(() => live().length === 2);
    parent.child.kill('SIGKILL');
    await once(parent.child, 'exit');
    await backend.until(() => live().length === 0);
    expect(backend.sessions.map(({ state }) => state)).toEqual(['ended', 'ended']);
  });

  it('are not started again, and end with what runs them, when their key does not cover them', async () => {
    const { backend, env } = await setup();
    backend.state.fault = (method, path) =>
      `${method} ${path}` === 'POST /v1/sessions'
        ? apiError('permission_denied', 'This key may not serve the queues tester')
        : undefined;
    const parent = startWorker({ ...env, WORKER_COUNT: '2' });
    expect(await parent.ended).toBe(WRONG_SET_UP);
    const { error } = await parent.line('fatal error');
    expect(JSON.stringify(error)).toContain('This key may not serve the queues tester');
  });

  it.each(['0', '21', 'many'])('are not started with WORKER_COUNT=%s: the range is named', async (count) => {
    const parent = startWorker({
      WORKER_COUNT: count,
      BROKER_URL: redis().url,
      INTERNAL_SERVICE_API_KEY: SERVICE_KEY,
    });
    expect(await parent.ended).toBe(1);
    expect(parent.errors()).toMatch(/WORKER_COUNT .*1 to 20/);
    expect(parent.lines).toEqual([]);
  });

  it('one process takes more at once within seconds of a backlog, and tells the backend', async () => {
    const { backend, env, live, publish } = await setup();
    const worker = startWorker({ ...env, TESTER_AUTOSCALE: '4,1' });
    await worker.line('worker takes work');
    expect(live()[0]!.request.concurrency).toBe(1);
    const running = () => [...backend.runs.values()].filter(({ state }) => state === 'running').length;
    await publish(1, 'sleep', { ms: 60_000 });
    await backend.until(() => running() === 1);
    await publish(5, 'sleep', { ms: 60_000 });
    backend.state.dispatched = 5;
    await backend.until(() => running() === 4);
    await backend.until(() => live()[0]!.heartbeats.at(-1)?.concurrency === 4);
    expect(running()).toBe(4);
  });
});

interface Health {
  readonly status: string;
  readonly worker: string;
  readonly worker_count: number;
  readonly processes: { name: string; restarts: number }[];
}
