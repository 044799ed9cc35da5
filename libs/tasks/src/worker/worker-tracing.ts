import { openTracing, type Tracing } from '@longshore/runtime';
import type { StartOptions, WorkerMeans } from './start-worker.ts';

/** The same options, with tracing where it is configured: then each line of the log says what it is part of. */
export async function withTracing(options: StartOptions): Promise<StartOptions> {
  const { spec, config, logger, lifecycle } = options;
  const { instance, tracing: settings } = config;
  const tracing = await openTracing({ config: settings, service: spec.name, instance, logger });
  if (tracing === undefined) return options;
  lifecycle.onStop('traces', () => tracing.close());
  return { ...options, logger: tracing.logger(logger), tracing };
}

/** What a handler does, as a part of its run in a trace. Where its run is not traced, nothing but what it does. */
export function stepsOf(tracing: Tracing | undefined): WorkerMeans['step'] {
  if (tracing === undefined) return (_name, act) => act();
  return (name, act) => (tracing.current() === undefined ? act() : tracing.span(name, {}, act));
}
