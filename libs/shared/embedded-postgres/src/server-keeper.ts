import type { Clock, Logger } from '@longshore/runtime';
import type { ServerProcess } from './server-process.ts';

export interface KeeperOptions {
  /** The server that runs already. */
  server: ServerProcess;
  /** Starts it again, on the same port. */
  restart: () => Promise<ServerProcess>;
  /** Ends a server, at most 20 s. */
  end: (server: ServerProcess) => Promise<void>;
  logger: Logger;
  clock: Clock;
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;

/** Starts the server again whenever it ends, until `stop`, which ends it for good. */
export function keepRunning({ server, restart, end, logger, clock }: KeeperOptions): {
  stop: () => Promise<void>;
} {
  const stopping = new AbortController();
  const signal = stopping.signal;
  let current: ServerProcess | undefined = server;

  /** After a kill the last sessions hold the shared memory for a moment: the first attempts may fail. */
  async function startAgain(): Promise<ServerProcess> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      await clock.sleep(pauseMs, signal);
      try {
        return await restart();
      } catch (error) {
        logger.error('the embedded PostgreSQL does not start', { error });
      }
    }
  }

  async function watch(): Promise<void> {
    while (current) {
      await Promise.race([current.exited, aborted(signal)]);
      if (signal.aborted) return;
      logger.error('the embedded PostgreSQL ended, starting it again', { pid: current.pid });
      current = undefined;
      current = await startAgain();
      logger.info('the embedded PostgreSQL runs again', { pid: current.pid });
    }
  }

  const watching = watch().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });

  async function stop(): Promise<void> {
    stopping.abort();
    await watching;
    if (current) await end(current);
  }
  return { stop };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
