import type { BackendClient } from '@longshore/api-client';
import { workerRoutes as routes } from '@longshore/contracts';
import type { Logger } from '@longshore/runtime';
import { systemClock, waitUntil } from '@longshore/runtime';
import { refusalIn, refusalTeller } from './refusal.ts';

export interface WaitForBackend {
  client: Pick<BackendClient, 'call'>;
  baseUrl: string;
  logger: Logger;
  signal: AbortSignal;
  /** Why it does not let us in, after each try; undefined when it is about something else, and in the end. */
  onRefusal: (refusal: string | undefined) => void;
  /** What is waited for, and why. */
  onWait: (reason: string) => void;
}

/** How often a backend is asked that is away, or that refuses us. */
const BACKEND_EVERY_MS = 5_000;

/** Waits until the backend answers, and takes the key of this worker. Rejects only through the signal. */
export async function waitForBackend(options: WaitForBackend): Promise<void> {
  const { client, baseUrl, logger, signal, onRefusal, onWait } = options;
  const label = `the backend at ${baseUrl}`;
  onWait(label);
  const tell = refusalTeller({ logger, clock: systemClock });
  const ask = async (): Promise<void> => {
    try {
      await client.call(routes.internalHealth, { attempts: 1 });
      onRefusal(undefined);
    } catch (error) {
      const refusal = refusalIn(error);
      if (refusal !== undefined) tell(refusal, BACKEND_EVERY_MS);
      onRefusal(refusal);
      onWait(`${label}: ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    }
  };
  await waitUntil(label, ask, { everyMs: BACKEND_EVERY_MS, signal, logger });
}
