import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { Publisher } from '@longshore/broker';
import { createPublisher } from '@longshore/broker';
import type { DispatchMessage } from '@longshore/contracts';
import { silentLogger } from '@longshore/runtime';
import type { TestRedis } from '@longshore/testing';
import { startRedis } from '@longshore/testing';
import { startInMemoryBackend } from './in-memory-backend/in-memory-backend.fixture.ts';
import { startWorkerProcess } from './start-worker-process.fixture.ts';

/** A Redis for the tests of a suite, empty before each of them, and what they start on it. All of it ends with its test. */
export function workersOnRedis() {
  let redis: TestRedis;
  let publisher: Publisher;
  const cleanups: (() => unknown)[] = [];

  beforeAll(async () => {
    redis = await startRedis();
    publisher = createPublisher({ brokerUrl: redis.url, logger: silentLogger() });
  });
  afterAll(async () => {
    await publisher?.close(AbortSignal.timeout(2000));
    await redis?.stop();
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    await redis.flushAll();
  });

  return {
    redis: () => redis,
    /** To be done after the test; the last is done first. */
    afterwards: (work: () => unknown) => void cleanups.push(work),
    backend: async (...options: Parameters<typeof startInMemoryBackend>) => {
      const backend = await startInMemoryBackend(...options);
      cleanups.push(() => backend.close());
      return backend;
    },
    worker: (...start: Parameters<typeof startWorkerProcess>) => {
      const worker = startWorkerProcess(...start);
      cleanups.push(async () => {
        worker.child.kill('SIGKILL');
        await worker.ended;
      });
      return worker;
    },
    publish: (queue: string, ...messages: DispatchMessage[]) =>
      publisher.publish(
        queue,
        messages.map((message) => ({ id: message.dispatch_id, message })),
      ),
    /** Writes in the broker which platform it belongs to. */
    mark: (platform: string) => publisher.mark(platform),
    isWaiting: (queue: string, id: string) => publisher.isWaiting(queue, id),
  };
}
