import { createHealthServer } from '@longshore/runtime';
import type { AskedEnd } from './health-channel.ts';
import { answerOver } from './health-channel.ts';
import type { StartOptions } from './start-worker.ts';

type Exposed = Pick<StartOptions, 'spec' | 'config' | 'logger' | 'lifecycle' | 'metrics'>;

/** On a health server of its own. */
export function exposeOnPort({ spec, config, logger, lifecycle, metrics }: Exposed): StartOptions['expose'] {
  return async (checks) => {
    const { host, healthPort: port } = config;
    const server = await createHealthServer({ worker: spec.name, host, port, checks, metrics, logger });
    lifecycle.onStop('health server', () => server.close());
    return server.port;
  };
}

/** To the process that started this one, which has a server for all that it started. */
export function exposeOver(
  channel: AskedEnd,
  { config, lifecycle, metrics }: Exposed,
): StartOptions['expose'] {
  return async (checks) => {
    lifecycle.onStop('health', answerOver(channel, checks, metrics));
    return config.healthPort.value;
  };
}
