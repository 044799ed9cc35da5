import { createHealthServer } from '@longshore/runtime';
import type { HealthServer } from '@longshore/runtime';
import type { AskedEnd } from './health-channel.ts';
import { answerOver } from './health-channel.ts';
import type { StartOptions } from './start-worker.ts';

/** Where it is to be had how a worker is. */
export interface Exposed {
  readonly port: number;
  /** What serves that port, when it is of this worker alone. */
  readonly server?: HealthServer;
}

type Means = Pick<StartOptions, 'spec' | 'config' | 'logger' | 'lifecycle' | 'metrics'>;

/** On a health server of its own. */
export function exposeOnPort({ spec, config, logger, lifecycle, metrics }: Means): StartOptions['expose'] {
  return async (checks) => {
    const { host, healthPort: port } = config;
    const server = await createHealthServer({ worker: spec.name, host, port, checks, metrics, logger });
    lifecycle.onStop('health server', () => server.close());
    return { port: server.port, server };
  };
}

/** To the process that started this one, which has a server for all that it started. */
export function exposeOver(channel: AskedEnd, { config, lifecycle, metrics }: Means): StartOptions['expose'] {
  return async (checks) => {
    lifecycle.onStop('health', answerOver(channel, checks, metrics));
    return { port: config.healthPort.value };
  };
}
