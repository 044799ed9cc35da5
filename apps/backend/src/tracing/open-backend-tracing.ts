import { hostname } from 'node:os';
import { openTracing, type Lifecycle, type Logger, type Tracing } from '@longshore/runtime';
import type { BackendConfig } from '../config.ts';
import { traceRequests, type TraceRequest } from './trace-requests.ts';

/** Tracing of a backend, where it is configured; and the logger whose lines say what they are part of. */
export async function openBackendTracing(
  config: BackendConfig,
  lifecycle: Lifecycle,
  plain: Logger,
): Promise<{ logger: Logger; tracing: Tracing | undefined; traceRequest: TraceRequest | undefined }> {
  const instance = `${hostname()}-${process.pid}`;
  const tracing = await openTracing({ config, service: 'backend', instance, logger: plain });
  if (tracing === undefined) return { logger: plain, tracing, traceRequest: undefined };
  lifecycle.onStop('traces', () => tracing.close());
  return { logger: tracing.logger(plain), tracing, traceRequest: traceRequests(tracing) };
}
