import { setTimeout as sleep } from 'node:timers/promises';
import { bullmq } from '../runs/peers.ts';
import type { PublicApi } from '../runs/public-api.ts';
import type { Servers } from '../runs/servers.ts';
import { resultOf, submit } from './client.ts';
import type { Sizes } from './options.ts';
import { onStage } from './stage.ts';

/** Times since a task was submitted, ms. */
interface Sample {
  /** Until it is accepted: committed and answered. */
  readonly accepted: number;
  readonly handler: number;
  /** Until the client has its result, which it asked for as soon as the task was accepted, or later. */
  readonly result: number;
}

export interface IdleRound {
  /** The first tasks of a platform that has just started: its code is not compiled yet. */
  readonly first: readonly Sample[];
  /** Nobody asks for the result before the task has ended: nothing else is under way. */
  readonly alone: readonly Sample[];
  /** The client waits for the result: a second request beside the task. */
  readonly awaited: readonly Sample[];
  /** From adding a job to its handler, bare BullMQ. */
  readonly bullmq: readonly number[];
}

/** What a platform has done before it is measured, and what the peer has. */
export const WARM_UP = 1_000;
/** What came before has been cleared away by then. */
const PAUSE_MS = 30;
const now = () => performance.timeOrigin + performance.now();

/** One task at a time. */
export async function measureIdle(servers: Servers, sizes: Sizes): Promise<IdleRound> {
  const samples = await onStage(servers, sizes, ({ api }) => samplesOf(api, sizes));
  await servers.redis.flushAll();
  const { concurrency, payload } = sizes;
  const few = { concurrency, payload, runs: 100, warmUp: WARM_UP };
  return { ...samples, bullmq: (await bullmq(servers.redis.url, few, sizes.samples)).idle };
}

async function samplesOf(api: PublicApi, { samples: count, payload }: Sizes) {
  const sample = async (asksAfterMs: number) => {
    await sleep(PAUSE_MS);
    return sampleOf(api, 'x'.repeat(payload), asksAfterMs);
  };
  const first: Sample[] = [];
  const alone: Sample[] = [];
  const awaited: Sample[] = [];
  for (let i = 0; i < count; i += 1) first.push(await sample(PAUSE_MS));
  for (let i = 0; i < WARM_UP; i += 1) await sampleOf(api, 'x'.repeat(payload), 0);
  for (let i = 0; i < count; i += 1) {
    alone.push(await sample(PAUSE_MS));
    awaited.push(await sample(0));
  }
  return { first, alone, awaited };
}

async function sampleOf(api: PublicApi, payload: string, asksAfterMs: number): Promise<Sample> {
  const at = now();
  const id = await submit(api, { task_name: 'bench.clock', parameters: { payload } });
  const accepted = now() - at;
  if (asksAfterMs > 0) await sleep(asksAfterMs);
  const handledAt = await resultOf(api, id);
  if (typeof handledAt !== 'number') throw new Error(`task ${id} says ${JSON.stringify(handledAt)}`);
  return { accepted, handler: handledAt - at, result: now() - at };
}
