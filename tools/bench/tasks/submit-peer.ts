import { Queue } from 'bullmq';
import { partsOf, sideBySide } from './client.ts';
import type { Manner } from './submit.ts';

/**
 * The peer: jobs added with bare BullMQ to a queue without workers, over one connection, in a process of its own.
 * Arguments: Redis URL, and as JSON the bytes of a payload, jobs before, and the manners. Writes jobs per second of each manner.
 */
const [url, wanted] = process.argv.slice(2) as [string, string];
const { payload, warmUp, manners } = JSON.parse(wanted) as {
  readonly payload: number;
  readonly warmUp: number;
  readonly manners: readonly Manner[];
};

const queue = new Queue('bench', { connection: { url, maxRetriesPerRequest: null } });
await queue.waitUntilReady();
const job = {
  name: 'noop',
  data: { payload: 'x'.repeat(payload) },
  opts: { removeOnComplete: true, removeOnFail: true },
};

async function add({ clients, bulk, count }: Manner): Promise<number> {
  const before = await queue.getWaitingCount();
  const parts = partsOf(Array<typeof job>(count).fill(job), bulk);
  const started = performance.now();
  await sideBySide(clients, parts, async (part) => {
    if (bulk === 1) await queue.add(job.name, job.data, job.opts);
    else await queue.addBulk(part);
  });
  const perSecond = (count * 1000) / (performance.now() - started);
  const added = (await queue.getWaitingCount()) - before;
  if (added !== count) throw new Error(`${added} of ${count} jobs were added`);
  return perSecond;
}

await add({ clients: 1, bulk: 1, count: Math.min(warmUp, 2_000) });
await add({ clients: 1, bulk: 1_000, count: warmUp });
const figures: number[] = [];
for (const manner of manners) figures.push(await add(manner));
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exit(0);
