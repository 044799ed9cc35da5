import { setTimeout as sleep } from 'node:timers/promises';
import { onFreshInstance, type Broker } from './drain.ts';
import type { Sizes } from './options.ts';
import { bullmq, flow, type FlowFigures, type PeerFigures } from './peers.ts';
import type { Servers } from './servers.ts';
import { resultOf, submitTask, type PublicApi } from './public-api.ts';
import { oneTree } from './work.ts';

export interface IdleFigures {
  /** From before a task is submitted over HTTP until its handler is called, ms. */
  readonly toHandler: readonly number[];
  /** From before an execution of 1 + 20 + 1 runs is submitted until the waiting client has its result, ms. */
  readonly execution: readonly number[];
}

export interface IdleRound {
  readonly redis: IdleFigures;
  readonly embedded: IdleFigures | null;
  readonly bullmq: PeerFigures;
  readonly bullmqOnPostgres: PeerFigures | null;
  readonly flow: FlowFigures;
}

const WARM_UP = 20;
/** What came before has been cleared away by then. */
const PAUSE_MS = 30;

/** What one run and one execution take while nothing else is done, and what a job and a flow take. */
export async function measureIdle(servers: Servers, sizes: Sizes): Promise<IdleRound> {
  const small = { ...sizes, runs: 100, warmUp: 1_000, executions: 1 };
  const redis = await idleOn(servers, 'redis', sizes);
  const embedded = sizes.embedded ? await idleOn(servers, 'embedded', sizes) : null;
  await servers.redis.flushAll();
  return {
    redis,
    embedded,
    bullmq: await bullmq(servers.redis.url, small, sizes.samples),
    bullmqOnPostgres: sizes.embedded ? await bullmq(await servers.database(), small, sizes.samples) : null,
    flow: await flow(servers.redis.url, small),
  };
}

function idleOn(servers: Servers, broker: Broker, sizes: Sizes): Promise<IdleFigures> {
  return onFreshInstance(servers, broker, sizes, async ({ api }) => ({
    toHandler: await samplesOf(sizes.samples, () => toHandler(api, sizes.payload)),
    execution: await samplesOf(sizes.samples, () => toEnd(api)),
  }));
}

async function samplesOf(count: number, sample: () => Promise<number>): Promise<number[]> {
  const times: number[] = [];
  for (let i = -WARM_UP; i < count; i += 1) {
    await sleep(PAUSE_MS);
    const tookMs = await sample();
    if (i >= 0) times.push(tookMs);
  }
  return times;
}

async function toHandler(api: PublicApi, payload: number): Promise<number> {
  const at = performance.timeOrigin + performance.now();
  const handledAt = await resultOf(api, await submitTask(api, 'bench.clock', 'x'.repeat(payload)));
  return (handledAt as number) - at;
}

async function toEnd(api: PublicApi): Promise<number> {
  const started = performance.now();
  await oneTree(api);
  return performance.now() - started;
}
