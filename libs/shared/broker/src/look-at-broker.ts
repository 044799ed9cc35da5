import type { BrokerBackend } from './backend.ts';
import { NotConnectedError } from './backend.ts';
import type { BrokerAddress } from './broker-url.ts';
import { openBackend } from './open-backend.ts';
import { explained } from './trouble.ts';

/**
 * Asks a broker that is fit for use something, over connections that end with the answer.
 * @throws {BrokerConfigurationError} when it must not be used as it is set up, {Error} that says what is wrong and what to do about it
 */
export async function lookAtBroker<T>(
  address: BrokerAddress,
  ask: (backend: BrokerBackend) => Promise<T>,
): Promise<T> {
  // What a connection complains about on the way says more than that there is none.
  const complaints: Error[] = [];
  const onError = (error: Error): void => void complaints.push(error);
  const backend = openBackend({ address, role: 'producer', onError });
  try {
    await backend.probe();
    return await ask(backend);
  } catch (error) {
    const why = error instanceof NotConnectedError ? complaints[0] : undefined;
    throw explained(why ?? (error as Error), address);
  } finally {
    backend.destroy();
  }
}
