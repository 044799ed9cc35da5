import type { BackendClient } from '@longshore/api-client';
import { workerRoutes as routes } from '@longshore/contracts';
import type { Logger } from '@longshore/runtime';
import { waitUntil } from '@longshore/runtime';
import { refusalIn } from './refusal.ts';

export interface WaitForBackend {
  client: Pick<BackendClient, 'call'>;
  baseUrl: string;
  logger: Logger;
  signal: AbortSignal;
  /** Why it does not let us in, after each try; undefined when it is about something else, and in the end. */
  onRefusal: (refusal: string | undefined) => void;
}

/** How often a backend is asked that is away, or that refuses us. */
const BACKEND_EVERY_MS = 5_000;

/** Waits until the backend answers, and takes the key of this worker. Rejects only through the signal. */
export async function waitForBackend(options: WaitForBackend): Promise<void> {
  const { client, baseUrl, logger, signal, onRefusal } = options;
  const ask = async (): Promise<void> => {
    try {
      await client.call(routes.internalHealth, { attempts: 1 });
      onRefusal(undefined);
    } catch (error) {
      onRefusal(refusalIn(error));
      throw error;
    }
  };
  await waitUntil(`the backend at ${baseUrl}`, ask, { everyMs: BACKEND_EVERY_MS, signal, logger });
}
