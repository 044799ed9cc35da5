import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DispatchMessage } from '@longshore/contracts';
import { redisIsAvailable } from '@longshore/testing';
import type { InMemoryBackend } from './in-memory-backend/in-memory-backend.fixture.ts';
import { SERVICE_KEY } from './in-memory-backend/in-memory-backend.fixture.ts';
import { workersOnRedis } from './workers-on-redis.fixture.ts';

const suite = (await redisIsAvailable()) ? describe : describe.skip;

suite('a worker process (needs redis-server on the PATH, or a Docker engine)', () => {
  const {
    redis,
    afterwards,
    backend: startBackend,
    worker: startWorker,
    publish: publishTo,
    mark,
    isWaiting,
  } = workersOnRedis();

  async function setup({ env = {}, args = [] }: { env?: Record<string, string>; args?: string[] } = {}) {
    const backend = await startBackend();
    const worker = startWorker(
      {
        BROKER_URL: redis().url,
        INTERNAL_API_BASE_URL: backend.baseUrl,
        INTERNAL_SERVICE_API_KEY: SERVICE_KEY,
        TESTER_HEALTH_PORT: '0',
        ...env,
      },
      args,
    );
    await worker.line('worker takes work');
    const publish = (...messages: DispatchMessage[]): Promise<void> => publishTo('pool-of-test', ...messages);
    const { port } = await worker.line('health server listens');
    const ask = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${port as number}${path}`);
      return { status: response.status, text: await response.text() };
    };
    return { backend, worker, publish, ask };
  }

  /** A server whose one request is answered when the test says so. */
  async function startLateServer() {
    const { promise: asked, resolve } = Promise.withResolvers<() => void>();
    const server = createServer((_request, response) => resolve(() => response.end('here')));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    afterwards(() => server.close());
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
  }

  const outcomes = (backend: InMemoryBackend): string[] => backend.reports.map(({ outcome }) => outcome);
  const running = (backend: InMemoryBackend) => () =>
    [...backend.runs.values()].some(({ state }) => state === 'running');

  it('registers, works, and stops in order when it is told to', async () => {
    const { backend, worker, publish, ask } = await setup({ args: ['-c', '3', '-n', 'tester-1'] });
    expect(backend.session().request).toMatchObject({
      ...{
        worker: 'tester',
        instance: 'tester-1',
        queues: ['tester'],
        concurrency: 3,
        pid: worker.child.pid,
      },
    });
    expect(worker.lines.map(({ message }) => message)).toContain(
      'Registered 5 task types: [echo, sleep, deaf, block, ask]',
    );
    await publish(backend.parcel({ task: 'echo', input: { ms: 1 } }, { task: 'echo', input: { ms: 2 } }));
    await backend.until(() => backend.reports.length === 2);
    const health = await ask('/health');
    expect(JSON.parse(health.text)).toMatchObject({
      status: 'healthy',
      worker: 'tester',
      processed_tasks: 2,
    });
    expect((await ask('/ready')).status).toBe(200);
    expect((await ask('/metrics')).text).toMatch(/longshore_worker_runs_total\{.*task="echo".*\} 2/);
    worker.child.kill('SIGTERM');
    expect(await worker.ended).toBe(0);
    expect(outcomes(backend)).toEqual(['succeeded', 'succeeded']);
    expect(backend.session().state).toBe('ended');
  });

  it('waits for what runs when it is told to stop, and takes nothing new', async () => {
    const { backend, worker, publish } = await setup();
    await publish(backend.parcel({ task: 'sleep', input: { ms: 700 } }));
    await backend.until(running(backend));
    worker.child.kill('SIGTERM');
    await worker.line('stopping');
    const late = backend.parcel({ task: 'echo' });
    await publish(late);
    expect(await worker.ended).toBe(0);
    expect(outcomes(backend)).toEqual(['succeeded']);
    expect(await isWaiting('pool-of-test', late.dispatch_id)).toBe(true);
    expect(backend.session().heartbeats.some(({ state }) => state === 'draining')).toBe(true);
  });

  it('stops in order also when it has only begun to take work', async () => {
    const backend = await startBackend();
    const worker = startWorker({
      BROKER_URL: redis().url,
      INTERNAL_API_BASE_URL: backend.baseUrl,
      INTERNAL_SERVICE_API_KEY: SERVICE_KEY,
      TESTER_HEALTH_PORT: '0',
    });
    await worker.line('session registered');
    worker.child.kill('SIGTERM');
    expect(await worker.ended).toBe(0);
    expect(backend.session().state).toBe('ended');
  });

  it('failure mode 16: registers at no backend that publishes to another broker, and says so', async () => {
    const backend = await startBackend();
    backend.state.brokerMark = 'ours';
    await mark('theirs');
    const worker = startWorker({
      BROKER_URL: redis().url,
      INTERNAL_API_BASE_URL: backend.baseUrl,
      INTERNAL_SERVICE_API_KEY: SERVICE_KEY,
      TESTER_HEALTH_PORT: '0',
    });
    const { port } = await worker.line('health server listens');
    const { reason } = await worker.line('this is not the broker of the platform');
    expect(reason).toMatch(/^The broker at .* is not the one .*another platform.* BROKER_URL of its backend/);
    const ready = await fetch(`http://127.0.0.1:${port as number}/ready`);
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining(reason as string)]);
    expect(backend.sessions).toEqual([]);
    await mark('ours');
    await worker.line('worker takes work');
    expect(backend.sessions).toHaveLength(1);
    expect(worker.errors()).toBe('');
  });

  it('gives back what is left when its grace is over', async () => {
    const { backend, worker, publish } = await setup({ env: { SHUTDOWN_GRACE: '0.3' } });
    await publish(backend.parcel({ task: 'deaf' }), backend.parcel({ task: 'sleep', input: { ms: 60_000 } }));
    await backend.until(() => [...backend.runs.values()].every(({ state }) => state === 'running'));
    const since = performance.now();
    worker.child.kill('SIGTERM');
    expect(await worker.ended).toBe(0);
    // Far below what the runs would take; how long a loaded machine needs to end a process is not the point.
    expect(performance.now() - since).toBeLessThan(15_000);
    expect(outcomes(backend)).toEqual(['released', 'released']);
    expect(backend.session().state).toBe('ended');
  });

  it('hands the others back and exits with a code of its own when a run is past its hard limit', async () => {
    const { backend, worker, publish } = await setup();
    await publish(backend.parcel({ task: 'sleep', input: { ms: 60_000 } }));
    await backend.until(running(backend));
    await publish(backend.parcel({ task: 'deaf', hardLimitMs: 300 }));
    expect(await worker.ended).toBe(86);
    expect(outcomes(backend).sort()).toEqual(['failed', 'released']);
    expect(backend.reports.find(({ outcome }) => outcome === 'failed')).toMatchObject({
      error: { code: 'hard_limit' },
    });
  });

  it('is known as alive while its main loop stands still, and says for how long it does', async () => {
    const { backend, publish } = await setup();
    await publish(backend.parcel({ task: 'block', input: { ms: 2500 } }));
    await backend.until(() => backend.session().heartbeats.some(({ loop_age_ms }) => loop_age_ms > 1500));
    const before = backend.session().heartbeats.length;
    await backend.until(() => backend.reports.length === 1);
    expect(backend.session().heartbeats.length).toBeGreaterThan(before);
    expect(outcomes(backend)).toEqual(['succeeded']);
  });

  it('says at its health port that its main loop stands still, and goes on to answer when it turns again', async () => {
    const { backend, publish, ask } = await setup();
    expect((await ask('/health')).status).toBe(200);
    await publish(backend.parcel({ task: 'block', input: { ms: 6_000 } }));
    await backend.until(() => backend.session().heartbeats.some(({ loop_age_ms }) => loop_age_ms > 500));
    const [health, ready, live] = await Promise.all(['/health', '/ready', '/live'].map(ask));
    const reason = expect.stringMatching(/^the main loop has stood still for [345] s$/);
    expect(health!.status).toBe(200);
    expect(JSON.parse(health!.text)).toMatchObject({
      ...{ status: 'healthy', worker: 'tester', active_tasks: 1, processed_tasks: 0, reasons: [reason] },
    });
    expect(ready!.status).toBe(503);
    expect(JSON.parse(ready!.text)).toMatchObject({ status: 'not ready', worker: 'tester', reason });
    expect(live!.status).toBe(200);
    await backend.until(() => backend.reports.length === 1);
    expect(JSON.parse((await ask('/health')).text)).toMatchObject({ status: 'healthy', processed_tasks: 1 });
    expect((await ask('/metrics')).text).toMatch(/longshore_worker_runs_total\{.*task="block".*\} 1/);
    expect((await ask('/nothing')).status).toBe(404);
  });

  it('is ended from its heartbeat thread when its main loop stands still behind a hard limit', async () => {
    const { backend, worker, publish } = await setup();
    await publish(backend.parcel({ task: 'block', input: { ms: 60_000 }, hardLimitMs: 200 }));
    expect(await worker.ended).toBe('SIGKILL');
    expect(backend.session().state).toBe('ended');
    expect(worker.lines.at(-1)?.message).toContain('stands still behind the hard limit');
  });

  it('stops a cancelled run as soon as a heartbeat tells of it', async () => {
    const { backend, worker, publish } = await setup();
    const message = backend.parcel({ task: 'sleep', input: { ms: 60_000 } });
    await publish(message);
    await backend.until(running(backend));
    const since = performance.now();
    backend.session().cancelled = [{ run_id: message.run_ids[0] as string, epoch: 1 }];
    const ended = await worker.line('run ended');
    expect(performance.now() - since).toBeLessThan(15_000);
    expect(ended['outcome']).toBe('cancelled');
    await backend.until(() => backend.reports.length === 1);
    expect(backend.reports).toMatchObject([{ outcome: 'released' }]);
  });

  it('drops its runs when it learns that it lapsed, and works on under a new session', async () => {
    const { backend, worker, publish } = await setup();
    await publish(backend.parcel({ task: 'sleep', input: { ms: 60_000 } }));
    await backend.until(running(backend));
    const first = backend.session();
    backend.lapse(first);
    await backend.until(() => backend.session() !== first);
    expect((await worker.line('run ended'))['outcome']).toBe('lapsed');
    await publish(backend.parcel({ task: 'echo' }));
    await backend.until(() => backend.reports.length === 1);
    expect(backend.runs.get(backend.reports[0]?.run_id ?? '')?.session).toBe(backend.session().id);
  });

  it('reports nothing of a run that it still had when it was frozen and given up', async () => {
    const { backend, worker, publish } = await setup();
    const { url, asked } = await startLateServer();
    await publish(backend.parcel({ task: 'ask', input: { url } }));
    const answer = await asked;
    worker.child.kill('SIGSTOP');
    const first = backend.session();
    backend.lapse(first);
    // The run is over the moment that the process goes on.
    answer();
    worker.child.kill('SIGCONT');
    await backend.until(() => backend.session() !== first);
    expect(backend.reports).toHaveLength(0);
  });

  it('goes on after the broker and the backend were away', async () => {
    const { backend, publish } = await setup();
    backend.state.fault = () => 'hang up';
    await redis().restart();
    backend.state.fault = undefined;
    const message = backend.parcel({ task: 'echo' });
    for (;;) {
      const published = await publish(message).then(
        () => true,
        () => false,
      );
      if (published) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await backend.until(() => backend.reports.length === 1);
    expect(outcomes(backend)).toEqual(['succeeded']);
  });

  it('says everything that is wrong with its configuration at once, and exits with 1', async () => {
    const worker = startWorker({ BROKER_URL: 'amqp://rabbit', WORKER_CONCURRENCY: '0' });
    expect(await worker.ended).toBe(1);
    for (const part of ['BROKER_URL', 'RabbitMQ', 'INTERNAL_SERVICE_API_KEY', 'WORKER_CONCURRENCY']) {
      expect(worker.errors()).toContain(part);
    }
  });

  it('shows its help', async () => {
    const worker = startWorker({}, ['--help']);
    expect(await worker.ended).toBe(0);
    expect(worker.lines.map(({ message }) => message).join('\n')).toContain('Examples:');
  });
});
