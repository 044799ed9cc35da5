import type { BrokerBackend, DispatchQueue } from './backend.ts';
import { brokerAddress } from './broker-url.ts';
import { lookAtBroker } from './look-at-broker.ts';

/** No pool has this queue: theirs end with a hash. */
export const MARK_QUEUE = 'platform';
const FIELD = 'mark';

/** Writes in the broker which platform publishes there. @returns the one that was written there before; null when none was */
export async function writeMark(
  queue: Pick<DispatchQueue, 'getMeta' | 'setMeta'>,
  mark: string,
): Promise<string | null> {
  const before = await queue.getMeta(FIELD);
  if (before !== mark) await queue.setMeta({ [FIELD]: mark });
  return before;
}

/**
 * Which platform marked the broker as its own; null when none did, or when the broker was emptied since.
 * @throws {BrokerConfigurationError} when the address is wrong or the broker must not be used, {Error} that says why it cannot be asked
 */
export async function readPlatformMark(brokerUrl: string): Promise<string | null> {
  return lookAtBroker(brokerAddress(brokerUrl), readMark);
}

/** The mark that is there; null when none is. */
export async function readMark(backend: BrokerBackend): Promise<string | null> {
  return backend.queue(MARK_QUEUE).getMeta(FIELD);
}
