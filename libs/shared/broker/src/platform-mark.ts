import type { DispatchQueue } from './backend.ts';
import { brokerAddress } from './broker-url.ts';
import { openBackend } from './open-backend.ts';
import { explained } from './trouble.ts';

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
 * @throws {BrokerConfigurationError} when the address is wrong, {Error} that says why the broker cannot be asked
 */
export async function readPlatformMark(brokerUrl: string): Promise<string | null> {
  const address = brokerAddress(brokerUrl);
  const complaints: Error[] = [];
  const onError = (error: Error): void => void complaints.push(error);
  const backend = openBackend({ address, role: 'producer', onError });
  const queue = backend.queue(MARK_QUEUE);
  try {
    return await queue.getMeta(FIELD);
  } catch (error) {
    throw explained(complaints[0] ?? (error as Error), address);
  } finally {
    await queue.close().catch(onError);
    backend.destroy();
  }
}
