import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { costsOf, type Costs } from '../runs/costs.ts';
import type { Servers } from '../runs/servers.ts';
import { partsOf, sideBySide, submit, submitMany, type NewTask } from './client.ts';
import type { Sizes } from './options.ts';
import { checkAllSucceeded, holdAll, noops, onStage, settled, warmUp, type Stage } from './stage.ts';

/** A way to submit: so many clients, so many tasks a request, so many tasks. */
export interface Manner {
  readonly clients: number;
  readonly bulk: number;
  readonly count: number;
}

export interface SubmitFigures {
  readonly manner: Manner;
  /** Tasks accepted per second while all slots are taken: nothing is executed meanwhile. */
  readonly waiting: number;
  /** What one task cost then. */
  readonly costs: Costs;
  /** Tasks accepted per second while the worker executes them. */
  readonly executing: number;
  /** Jobs added per second to a queue without workers, bare BullMQ. */
  readonly bullmq: number;
}

const BULK_CLIENTS = 4;

/** One by one and in bulk, by one client and by several. */
export function mannersOf({ submits, tasks, clients, bulk }: Sizes): Manner[] {
  return [
    { clients: 1, bulk: 1, count: submits },
    { clients, bulk: 1, count: submits },
    { clients: 1, bulk, count: tasks },
    { clients: BULK_CLIENTS, bulk, count: tasks },
  ];
}

export async function measureSubmit(servers: Servers, sizes: Sizes): Promise<SubmitFigures[]> {
  const manners = mannersOf(sizes);
  const ours = await onStage(servers, sizes, async (stage) => {
    await warmUp(stage, noops(sizes.warmUp, sizes.payload));
    const figures: Omit<SubmitFigures, 'bullmq'>[] = [];
    for (const manner of manners) figures.push(await measureManner(stage, manner));
    return figures;
  });
  await servers.redis.flushAll();
  const theirs = await addJobs(servers.redis.url, sizes, manners);
  return ours.map((figures, index) => ({ ...figures, bullmq: theirs[index]! }));
}

async function measureManner(stage: Stage, manner: Manner): Promise<Omit<SubmitFigures, 'bullmq'>> {
  const tasks = noops(manner.count, stage.sizes.payload);
  const gate = await holdAll(stage);
  const { result: waiting, costs } = await costsOf(stage.instance, manner.count, () =>
    submitAll(stage, tasks, manner),
  );
  await gate.open();
  await settled(stage);
  await checkAllSucceeded(stage, waiting.ids, manner.count);
  const executing = await submitAll(stage, tasks, manner);
  await settled(stage);
  await checkAllSucceeded(stage, executing.ids, manner.count);
  return { manner, waiting: waiting.perSecond, costs, executing: executing.perSecond };
}

async function submitAll({ api }: Stage, tasks: readonly NewTask[], { clients, bulk }: Manner) {
  const send = async (part: readonly NewTask[]) =>
    bulk === 1 ? [await submit(api, part[0]!)] : submitMany(api, part);
  const parts = partsOf(tasks, bulk);
  const started = performance.now();
  const ids = (await sideBySide(clients, parts, send)).flat();
  return { ids, perSecond: (tasks.length * 1000) / (performance.now() - started) };
}

/** @returns jobs per second of each manner */
async function addJobs(redisUrl: string, sizes: Sizes, manners: readonly Manner[]): Promise<number[]> {
  const program = join(import.meta.dirname, 'submit-peer.ts');
  const wanted = JSON.stringify({ payload: sizes.payload, warmUp: sizes.warmUp, manners });
  const { stdout } = await promisify(execFile)(process.execPath, [program, redisUrl, wanted]);
  return JSON.parse(stdout) as number[];
}
