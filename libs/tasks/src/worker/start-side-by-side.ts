import { setTimeout as sleep } from 'node:timers/promises';
import { SetUpError } from '@longshore/runtime';

/** Those that have not failed yet may still wait for a backend: what is wrong with them too is told within this time. */
const OTHERS_FAIL_WITHIN_MS = 1_000;

/**
 * Starts all kinds of a process at once. One that only has to wait, for the backend or for its key to be taken, holds up no other.
 * @throws {Error} where some cannot start, and so none does, since its queues would wait unseen: with each of them and its reason
 * @throws {SetUpError} the same where starting them again is in vain for one of them
 * @throws the reason of `stopping` when that aborts
 */
export async function startSideBySide<Member extends { readonly kind: string }>(
  members: readonly Member[],
  stopping: AbortSignal,
  start: (member: Member) => Promise<void>,
): Promise<void> {
  const reasons = new Map<string, unknown>();
  const failed = Promise.withResolvers<'failed'>();
  const all = Promise.all(
    members.map(async (member) => {
      try {
        await start(member);
      } catch (error) {
        stopping.throwIfAborted();
        reasons.set(member.kind, error);
        failed.resolve('failed');
      }
    }),
  );
  if ((await Promise.race([all, failed.promise])) === 'failed')
    await Promise.race([all, sleep(OTHERS_FAIL_WITHIN_MS, undefined, { ref: false })]);
  if (reasons.size > 0) throw allOf(reasons);
}

function allOf(reasons: ReadonlyMap<string, unknown>): Error {
  const lines = [...reasons].map(
    ([kind, error]) => `${kind} cannot start: ${error instanceof Error ? error.message : String(error)}`,
  );
  const isInVain = [...reasons.values()].some((error) => error instanceof SetUpError);
  return isInVain ? new SetUpError(lines.join('\n')) : new Error(lines.join('\n'));
}
