import type { Logger } from '@longshore/runtime';
import { waitUntil } from '@longshore/runtime';
import { BrokerConfigurationError, brokerAddress } from './broker-url.ts';
import { lookAtBroker } from './look-at-broker.ts';
import { readMark } from './platform-mark.ts';

const EVERY_MS = 2000;

/**
 * Resolves when the broker answers, with the mark of the platform that publishes there, null when none does yet; asks every 2 s.
 * Prepares a PostgreSQL broker's tables on the way.
 * @throws {BrokerConfigurationError} when the broker is there but must not be used as it is set up.
 */
export async function waitForBroker(options: {
  brokerUrl: string;
  logger: Logger;
  signal: AbortSignal;
}): Promise<string | null> {
  const address = brokerAddress(options.brokerUrl);
  let mark: string | null = null;
  let refused: BrokerConfigurationError | undefined;
  const look = async (): Promise<void> => {
    try {
      mark = await lookAtBroker(address, readMark);
    } catch (error) {
      if (!(error instanceof BrokerConfigurationError)) throw error;
      refused = error;
    }
  };
  await waitUntil(`the broker at ${address.shown}`, look, { everyMs: EVERY_MS, ...options });
  if (refused !== undefined) throw refused;
  return mark;
}
