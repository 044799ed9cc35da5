import type { Logger } from '@longshore/runtime';
import { waitUntil } from '@longshore/runtime';
import { NotConnectedError } from './backend.ts';
import type { BrokerAddress } from './broker-url.ts';
import { BrokerConfigurationError, brokerAddress } from './broker-url.ts';
import { openBackend } from './open-backend.ts';
import { explained } from './trouble.ts';

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
  const look = async (): Promise<void> => {
    try {
      await lookOnce(address);
    } catch (error) {
      if (!(error instanceof BrokerConfigurationError)) throw error;
      refused = error;
    }
  };
  await waitUntil(`the broker at ${address.shown}`, look, { everyMs: EVERY_MS, ...options });
  if (refused !== undefined) throw refused;
}

/** @throws {Error} that says what is wrong and what to do about it. */
async function lookOnce(address: BrokerAddress): Promise<void> {
  // What a connection complains about on the way says more than that there is none.
  const complaints: Error[] = [];
  const onError = (error: Error): void => void complaints.push(error);
  const backend = openBackend({ address, role: 'producer', onError });
  try {
    await backend.probe();
  } catch (error) {
    const why = error instanceof NotConnectedError ? complaints[0] : undefined;
    throw explained(why ?? (error as Error), address);
  } finally {
    backend.destroy();
  }
}
