import type { Logger } from '@longshore/runtime';
import { waitUntil } from '@longshore/runtime';
import { BrokerConfigurationError, brokerAddress } from './broker-url.ts';
import { openBackend } from './open-backend.ts';

const EVERY_MS = 2000;

/**
 * Resolves when the broker answers; asks every 2 s. Prepares a PostgreSQL broker's tables on the way.
 * @throws {BrokerConfigurationError} when the broker is there but must not be used as it is set up.
 */
export async function waitForBroker(options: {
  brokerUrl: string;
  logger: Logger;
  signal: AbortSignal;
}): Promise<void> {
  const address = brokerAddress(options.brokerUrl);
  let refused: BrokerConfigurationError | undefined;
  const probe = async (): Promise<void> => {
    // waitUntil tells why; what a connection complains about on the way says the same.
    const complaints: Error[] = [];
    const backend = openBackend({
      address,
      role: 'producer',
      onError: (error) => void complaints.push(error),
    });
    try {
      await backend.probe();
    } catch (error) {
      if (!(error instanceof BrokerConfigurationError)) throw complaints[0] ?? error;
      refused = error;
    } finally {
      backend.destroy();
    }
  };
  await waitUntil(`the broker at ${address.shown}`, probe, { everyMs: EVERY_MS, ...options });
  if (refused !== undefined) throw refused;
}
