import { createPostgresBackend, createRedisBackend, withBackend } from 'bullmq';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * The peer: bare BullMQ with a handler that does nothing, in a process of its own. The jobs are there before the worker begins.
 * Arguments: broker URL, concurrency, jobs, jobs before, bytes of a payload, samples of the latency at idle.
 */
const [url, ...counts] = process.argv.slice(2) as [string, ...string[]];
const [concurrency, total, warmUp, payloadBytes, samples] = counts.map(Number) as [
  number,
  number,
  number,
  number,
  number,
];
const QUEUE = 'bench';
const IDLE_MS = 30;
const AT_ONCE = 1_000;

const isRedis = url.startsWith('redis');
const Bull = isRedis ? withBackend(createRedisBackend) : withBackend(createPostgresBackend);
const connection = isRedis ? { url, maxRetriesPerRequest: null } : { connectionString: url, migrate: true };
const options = { removeOnComplete: true, removeOnFail: true };
const data = { payload: 'x'.repeat(payloadBytes) };

let onHandled = () => undefined as void;
const queue = new Bull.Queue(QUEUE, { connection } as never);
await queue.waitUntilReady();

function open() {
  return new Bull.Worker(QUEUE, async () => onHandled(), {
    ...{ connection, concurrency, autorun: false },
  } as never);
}

/** @returns jobs per second and CPU µs of a job in this process, the adding left out */
async function drain(jobs: number): Promise<{ perSecond: number; cpuMicros: number }> {
  for (let left = jobs; left > 0; left -= AT_ONCE)
    await queue.addBulk(
      Array.from({ length: Math.min(left, AT_ONCE) }, () => ({ name: 'noop', data, opts: options })),
    );
  const worker = open();
  await worker.waitUntilReady();
  let done = 0;
  const all = new Promise<void>((resolve) =>
    worker.on('completed', () => {
      done += 1;
      if (done === jobs) resolve();
    }),
  );
  const cpu = process.cpuUsage();
  const started = performance.now();
  void worker.run();
  await all;
  const tookMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  await worker.close();
  return { perSecond: (jobs * 1000) / tookMs, cpuMicros: (user + system) / jobs };
}

async function idleLatency(): Promise<number[]> {
  const worker = open();
  await worker.waitUntilReady();
  void worker.run();
  const times: number[] = [];
  for (let i = -10; i < samples; i += 1) {
    await sleep(IDLE_MS);
    const handled = Promise.withResolvers<number>();
    onHandled = () => handled.resolve(performance.now());
    const started = performance.now();
    await queue.add('noop', data, options);
    const tookMs = (await handled.promise) - started;
    if (i >= 0) times.push(tookMs);
  }
  onHandled = () => undefined;
  await worker.close();
  return times;
}

await drain(warmUp);
const figures = { ...(await drain(total)), idle: samples > 0 ? await idleLatency() : [] };
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exit(0);
