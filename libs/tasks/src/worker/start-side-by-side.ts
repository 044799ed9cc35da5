import { setTimeout as sleep } from 'node:timers/promises';

/** Those that have not failed yet may still wait for a backend: what is wrong with them too is told within this time. */
const OTHERS_FAIL_WITHIN_MS = 1_000;

/**
 * Starts all kinds of a process at once. One that only has to wait, for the backend or for its key to be taken, holds up no other.
 * @throws {PackedStartError} where some cannot start: with each of them and its reason
 * @throws the reason of `stopping` when that aborts
 */
export async function startSideBySide<Member extends { readonly kind: string }>(
  members: readonly Member[],
  stopping: AbortSignal,
  start: (member: Member) => Promise<void>,
): Promise<void> {
  const reasons = new Map<string, string>();
  const failed = Promise.withResolvers<'failed'>();
  const all = Promise.all(
    members.map(async (member) => {
      try {
        await start(member);
      } catch (error) {
        stopping.throwIfAborted();
        reasons.set(member.kind, error instanceof Error ? error.message : String(error));
        failed.resolve('failed');
      }
    }),
  );
  if ((await Promise.race([all, failed.promise])) === 'failed')
    await Promise.race([all, sleep(OTHERS_FAIL_WITHIN_MS, undefined, { ref: false })]);
  if (reasons.size > 0) throw new PackedStartError(reasons);
}

/** Some kinds of a process cannot start, and so none does: its queues would wait unseen. */
class PackedStartError extends Error {
  override readonly name = 'PackedStartError';

  constructor(reasons: ReadonlyMap<string, string>) {
    super([...reasons].map(([kind, reason]) => `${kind} cannot start: ${reason}`).join('\n'));
  }
}
