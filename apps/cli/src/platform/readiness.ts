import { type CoreWorkerName, routes, type WorkersResponse } from '@longshore/contracts';
import type { Child, Clock } from '@longshore/runtime';
import type { PlatformClient } from '../client/platform-client.ts';

const LOOK_EVERY_MS = 50;

/** Waits until the backend says that it is ready. Throws ChildStartError when it ends before. */
export async function backendIsReady(backend: Child, url: string, given: Wait): Promise<void> {
  await backend.untilReady(async (gone) => {
    const signal = AbortSignal.any([gone, given.signal]);
    while (!(await answersReady(url, signal))) await given.clock.sleep(LOOK_EVERY_MS, signal);
  });
}

export interface Wait {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

async function answersReady(url: string, signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch(`${url}/ready`, { signal });
    await response.arrayBuffer();
    return response.ok;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TypeError) return false; // Nobody listens yet.
    throw error;
  }
}

/** A worker with the moment (monotonic) at which its process was started. */
export interface StartedWorker {
  readonly name: CoreWorkerName;
  readonly child: Child;
  readonly startedAt: number;
}

/**
 * Waits until every worker has a session that was heard of since it was started: those of earlier processes may still be
 * listed. Throws ChildStartError when a worker ends before.
 */
export async function workersAreRegistered(
  workers: readonly StartedWorker[],
  client: PlatformClient,
  { clock, signal }: Wait,
): Promise<void> {
  const awaitOne = ({ name, child, startedAt }: StartedWorker): Promise<void> =>
    child.untilReady(async (gone) => {
      const either = AbortSignal.any([gone, signal]);
      const isThere = async (): Promise<boolean> => {
        const answer = await client.call(routes.workers, { signal: either });
        return hasSession(answer, name, clock.monotonic() - startedAt);
      };
      while (!(await isThere())) await clock.sleep(LOOK_EVERY_MS, either);
    });
  await Promise.all(workers.map(awaitOne));
}

/** Whether a live session of the worker was heard of within this time. */
export function hasSession({ pools }: WorkersResponse, worker: string, withinMs: number): boolean {
  const sessions = pools.filter((pool) => pool.worker === worker).flatMap((pool) => pool.sessions);
  return sessions.some(({ state, seen_ms_ago: seenMsAgo }) => state === 'active' && seenMsAgo < withinMs);
}
