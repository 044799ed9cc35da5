import { costsOf, type Costs } from './costs.ts';
import { onFreshInstance } from './drain.ts';
import type { Sizes } from './options.ts';
import { flow, type FlowFigures } from './peers.ts';
import type { Servers } from './servers.ts';
import { driveTrees } from './work.ts';

export interface ExecutionFigures {
  readonly perSecond: number;
  /** Of one execution. */
  readonly costs: Costs;
}

export interface ExecutionsRound {
  readonly oneWorker: ExecutionFigures;
  readonly threeWorkers: ExecutionFigures;
  readonly flow: FlowFigures;
}

/** The flow warms up with as many. */
const WARM_UP = 1_000;

/** Executions of 1 + 20 + 1 runs that do nothing, by one worker process and by three, and a flow of as many jobs. */
export async function measureExecutions(servers: Servers, sizes: Sizes): Promise<ExecutionsRound> {
  const oneWorker = await withWorkers(servers, sizes, 1);
  const threeWorkers = await withWorkers(servers, sizes, 3);
  await servers.redis.flushAll();
  return { oneWorker, threeWorkers, flow: await flow(servers.redis.url, sizes) };
}

function withWorkers(servers: Servers, sizes: Sizes, workers: number): Promise<ExecutionFigures> {
  const { executions: total, inFlight } = sizes;
  return onFreshInstance(servers, 'redis', { ...sizes, workers }, async (instance) => {
    await driveTrees(instance.api, WARM_UP, inFlight);
    const drive = () => driveTrees(instance.api, total, inFlight);
    const { result: perSecond, costs } = await costsOf(instance, total, drive);
    return { perSecond, costs };
  });
}
