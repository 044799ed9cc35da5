import type { BackendOptions, BrokerBackend } from './backend.ts';
import { openPostgres } from './postgres-backend.ts';
import { openRedis } from './redis-backend.ts';

/** Opens the kind of broker that the address names. */
export function openBackend(options: BackendOptions): BrokerBackend {
  const { address } = options;
  return address.kind === 'redis'
    ? openRedis({ ...options, address })
    : openPostgres({ ...options, address });
}

/** Resolves when `work` has settled, or when the signal aborts: nothing that a broker does may hold up a shutdown. */
export async function settledBy(work: Promise<unknown>, deadline: AbortSignal): Promise<void> {
  const { promise: tooLate, resolve } = Promise.withResolvers<void>();
  const onAbort = (): void => resolve();
  deadline.addEventListener('abort', onAbort, { once: true });
  if (deadline.aborted) resolve();
  await Promise.race([work.then(onAbort, onAbort), tooLate]);
  deadline.removeEventListener('abort', onAbort);
}
