import { brokerAddress, readPlatformMark } from '@longshore/broker';

/** A worker at this broker would be healthy, and idle for ever. */
export class OtherBrokerError extends Error {
  override readonly name = 'OtherBrokerError';
}

/**
 * Makes sure that the broker of this worker is the one that the backend has just marked. A backend that tells no mark is older, or cannot reach its
 * broker: then there is nothing to compare. `saw` is the mark that was found there a moment ago: where it is the same, the broker is not asked again.
 * @throws {OtherBrokerError} when it is another one; other errors when it cannot be asked
 */
export async function confirmBroker(
  brokerUrl: string,
  mark: string | undefined,
  saw: string | null,
): Promise<void> {
  if (mark === undefined || mark === saw) return;
  const found = await readPlatformMark(brokerUrl);
  if (found === mark) return;
  const { shown } = brokerAddress(brokerUrl);
  const whose = found === null ? 'no platform marked it' : 'another platform marked it';
  throw new OtherBrokerError(
    `The broker at ${shown} is not the one that the backend publishes to (${whose}): give this worker the BROKER_URL of its backend.`,
  );
}
