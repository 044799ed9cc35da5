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

/** What either side has done before it is measured: runs, and executions beside flows. */
const RUNS_BEFORE = 1_000;
const EXECUTIONS_BEFORE = 200;
/** What came before has been cleared away by then. */
const PAUSE_MS = 30;

/** What one run and one execution take while nothing else is done, and what a job and a flow take. */
export async function measureIdle(servers: Servers, sizes: Sizes): Promise<IdleRound> {
  const small = { ...sizes, runs: 100, warmUp: RUNS_BEFORE, executions: 1 };
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
    toHandler: await samplesOf(sizes.samples, RUNS_BEFORE, () => toHandler(api, sizes.payload)),
    execution: await samplesOf(sizes.samples, EXECUTIONS_BEFORE, () => toEnd(api)),
  }));
}

async function samplesOf(count: number, before: number, sample: () => Promise<number>): Promise<number[]> {
  for (let i = 0; i < before; i += 1) await sample();
  const times: number[] = [];
  for (let i = 0; i < count; i += 1) {
    await sleep(PAUSE_MS);
    times.push(await sample());
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
