import type { BackendClient } from '@longshore/api-client';
import { workerRoutes as routes } from '@longshore/contracts';
import type { Logger } from '@longshore/runtime';
import { systemClock, waitUntil } from '@longshore/runtime';
import { confirmBroker, OtherBrokerError } from './confirm-broker.ts';
import { refusalIn, refusalTeller } from './refusal.ts';

export interface WaitForBackend {
  client: Pick<BackendClient, 'call'>;
  baseUrl: string;
  brokerUrl: string;
  /** The mark that the broker had a moment ago; null when it had none. */
  markSeen: string | null;
  logger: Logger;
  signal: AbortSignal;
  /** Why it does not let us in, after each try; undefined when it is about something else, and in the end. */
  onRefusal: (refusal: string | undefined) => void;
  /** What is waited for, and why. */
  onWait: (reason: string) => void;
}

/** How often a backend is asked that is away, that refuses us, or that publishes to another broker than ours. */
const BACKEND_EVERY_MS = 5_000;

/** Waits until the backend answers, takes the key of this worker, and publishes to its broker. Rejects only through the signal. */
export async function waitForBackend(options: WaitForBackend): Promise<void> {
  const { client, baseUrl, brokerUrl, markSeen, logger, signal, onRefusal, onWait } = options;
  const label = `the backend at ${baseUrl}`;
  onWait(label);
  const tell = refusalTeller({ logger, clock: systemClock });
  let others = 0;
  const ask = async (): Promise<void> => {
    try {
      const { broker_mark: mark } = await client.call(routes.internalHealth, { attempts: 1 });
      onRefusal(undefined);
      await confirmBroker(brokerUrl, mark, markSeen);
    } catch (error) {
      const refusal = refusalIn(error);
      if (refusal !== undefined) tell(refusal, BACKEND_EVERY_MS);
      onRefusal(refusal);
      // One alone can be chance: a broker that was emptied between the mark and the look.
      if (error instanceof OtherBrokerError && (others += 1) === 2)
        logger.error('this is not the broker of the platform', { reason: error.message });
      onWait(`${label}: ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    }
  };
  await waitUntil(label, ask, { everyMs: BACKEND_EVERY_MS, signal, logger });
}
