import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Publisher } from '@longshore/broker';
import { createPublisher } from '@longshore/broker';
import { silentLogger } from '@longshore/runtime';
import type { TestRedis } from '@longshore/testing';
import { redisIsAvailable, startRedis } from '@longshore/testing';
import { SERVICE_KEY, startInMemoryBackend } from './in-memory-backend/in-memory-backend.fixture.ts';
import type { RunSpec } from './in-memory-backend/store.fixture.ts';
import { processEnd } from './isolation/isolated-runner.fixture.ts';
import { startWorkerProcess } from './start-worker-process.fixture.ts';

const root = resolve(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'longshore-isolated-'));
const suite = (await redisIsAvailable())
  ? describe.each(['source', 'bundle'] as const)
  : describe.skip.each([]);

const TASKS = `import { defineTask, TaskError } from '@longshore/tasks';
import { z } from 'zod';
import { execFileSync } from 'node:child_process';
const input = z.object({ loop: z.boolean().default(false), native: z.boolean().default(false) });
const handler = ({ loop, native }: { loop: boolean; native: boolean }, { log }: { log: { info(message: string): void } }) => {
  log.info('at work in ' + process.pid);
  while (loop);
  if (native) execFileSync('sleep', ['20']);
  return { here: process.pid, shared: new TaskError('x', 'y') instanceof Error };
};
export default (['thread', 'process'] as const).map((isolation) =>
  defineTask({ name: 'in_' + isolation, description: '', input, isolation, memoryMb: 128, handler }));
`;

suite('a worker that runs from its %s (needs redis-server on the PATH, or a Docker engine)', (kind) => {
  let redis: TestRedis;
  let publisher: Publisher;
  let program: string | undefined;
  const cleanups: (() => unknown)[] = [];

  beforeAll(async () => {
    redis = await startRedis();
    publisher = createPublisher({ brokerUrl: redis.url, logger: silentLogger() });
    writeFileSync(join(folder, 'isolated.ts'), TASKS);
    writeFileSync(join(folder, 'loops.mjs'), 'process.exit(3);');
    if (kind === 'source') return;
    const to = join(folder, 'general');
    const built = spawnSync(process.execPath, ['tools/src/build.ts', 'general', to], { cwd: root });
    expect([built.status, built.stderr.toString()]).toEqual([0, '']);
    program = join(to, 'main.js');
  });
  afterAll(async () => {
    await publisher?.close(AbortSignal.timeout(2000));
    await redis?.stop();
    if (kind === 'bundle') rmSync(folder, { recursive: true });
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    await redis.flushAll();
  });

  async function setup() {
    const backend = await startInMemoryBackend();
    cleanups.push(() => backend.close());
    const worker = startWorkerProcess(
      {
        ...{ BROKER_URL: redis.url, INTERNAL_API_BASE_URL: backend.baseUrl, TASKS_DIR: folder },
        ...{ INTERNAL_SERVICE_API_KEY: SERVICE_KEY, TESTER_HEALTH_PORT: '0', GENERAL_HEALTH_PORT: '0' },
      },
      [],
      program,
    );
    cleanups.push(async () => {
      worker.child.kill('SIGKILL');
      await worker.ended;
    });
    await worker.line('worker takes work');
    const publish = async (spec: RunSpec): Promise<string> => {
      const message = backend.parcel(spec);
      await publisher.publish('pool-of-test', [{ id: message.dispatch_id, message }]);
      return message.run_ids[0] ?? '';
    };
    const report = async (runId: string) => {
      const its = () => backend.reports.find(({ run_id }) => run_id === runId);
      await backend.until(() => its() !== undefined);
      return its();
    };
    const pidAtWork = async (): Promise<number> => {
      const found = () => backend.logLines.map(({ message }) => /at work in (\d+)/.exec(message)?.[1]).at(-1);
      await backend.until(() => found() !== undefined);
      return Number(found());
    };
    return { backend, worker, publish, report, pidAtWork };
  }

  it('carries out runs in threads and processes, and ends those that go on beyond their hard limit', async () => {
    const { backend, worker, publish, report } = await setup();
    expect(backend.session().request.skipped_task_files).toMatchObject([
      { reason: 'Loading it ends the process: Its process ended with code 3' },
    ]);
    const here = worker.child.pid;
    const inThread = await report(await publish({ task: 'in_thread' }));
    expect(inThread).toMatchObject({ output: { inline: { here, shared: true } } });
    const inProcess = await report(await publish({ task: 'in_process' }));
    expect(inProcess).toMatchObject({ output: { inline: { shared: true } } });
    expect(inProcess).not.toMatchObject({ output: { inline: { here } } });
    for (const task of ['in_thread', 'in_process']) {
      const run = await publish({ task, input: { loop: true }, hardLimitMs: 1_000 });
      expect(await report(run)).toMatchObject({ error: { code: 'hard_limit' } });
    }
    worker.child.kill('SIGTERM');
    expect(await worker.ended).toBe(0);
  });

  it('starts anew when a thread is in native code that does not return, for nothing can end that', async () => {
    const { worker, publish, report } = await setup();
    // Long enough that the thread is there: one that is still starting can be ended.
    const run = await publish({ task: 'in_thread', input: { native: true }, hardLimitMs: 5_000 });
    expect(await report(run)).toMatchObject({ error: { code: 'hard_limit' } });
    expect(await worker.ended).toBe('SIGKILL');
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'leaves no process behind that is in an endless loop when it ends by %s',
    async (signal) => {
      const { worker, publish, pidAtWork } = await setup();
      await publish({ task: 'in_process', input: { loop: true } });
      const pid = await pidAtWork();
      expect(pid).not.toBe(worker.child.pid);
      worker.child.kill(signal);
      // A second wish to stop leaves no grace.
      if (signal === 'SIGTERM') setTimeout(() => worker.child.kill(signal), 500);
      await worker.ended;
      await processEnd(pid);
    },
  );
});
