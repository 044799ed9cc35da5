import { FlowProducer, QueueEvents, Worker } from 'bullmq';

/** The peer: a BullMQ flow of 20 no-op children and one parent, on the same Redis, in a process of its own. */
const [redisUrl, concurrency, total, inFlight] = process.argv.slice(2) as [string, string, string, string];
const connection = { url: redisUrl, maxRetriesPerRequest: null };
const CHILDREN = 20;

const workers = ['flow-child', 'flow-parent'].map(
  (queue) => new Worker(queue, async () => undefined, { connection, concurrency: Number(concurrency) }),
);
const events = new QueueEvents('flow-parent', { connection });
const producer = new FlowProducer({ connection });
const waiting = new Map<string, () => void>();
events.on('completed', ({ jobId }) => waiting.get(jobId)?.());
await Promise.all([events.waitUntilReady(), ...workers.map((worker) => worker.waitUntilReady())]);

const options = { removeOnComplete: true, removeOnFail: true };
let sequence = 0;

async function runFlow(): Promise<number> {
  const started = performance.now();
  sequence += 1;
  const id = `flow-${sequence}`;
  const ended = new Promise<void>((resolve) => waiting.set(id, resolve));
  const children = Array.from({ length: CHILDREN }, (_, index) => ({
    name: 'child',
    queueName: 'flow-child',
    data: { index },
    opts: options,
  }));
  await producer.add({
    name: 'parent',
    queueName: 'flow-parent',
    data: {},
    opts: { ...options, jobId: id },
    children,
  });
  await ended;
  waiting.delete(id);
  return performance.now() - started;
}

/** As many as the platform gets, one at a time and side by side. */
const WARM_UP_AT_IDLE = 200;
const WARM_UP_UNDER_LOAD = 1_000;

async function drive(flows: number): Promise<void> {
  let left = flows;
  await Promise.all(
    Array.from({ length: Number(inFlight) }, async () => {
      while (left > 0) {
        left -= 1;
        await runFlow();
      }
    }),
  );
}

for (let warm = 0; warm < WARM_UP_AT_IDLE; warm += 1) await runFlow();
const idle: number[] = [];
for (let i = 0; i < 20; i += 1) idle.push(await runFlow());
await drive(WARM_UP_UNDER_LOAD);
const started = performance.now();
await drive(Number(total));
const perSecond = (Number(total) * 1000) / (performance.now() - started);
process.stdout.write(`${JSON.stringify({ perSecond, idle })}\n`);
process.exit(0);
