/** Counts keys that were wrong, by where they came from. */
export interface FailedAttempts {
  /** Takes note of one. Seconds to wait when there were too many within the last minute, else null. */
  note(network: string): number | null;
}

const WINDOW_MS = 60_000;
const MAX_ATTEMPTS = 10;
/** Addresses kept in memory; past that, those heard of first are forgotten first. */
const MAX_NETWORKS = 10_000;

/**
 * A counter per network in windows of a minute. Only whoever shows a wrong key is ever asked, so a network that holds
 * both an attacker and workers stays open to the workers.
 */
export function createFailedAttempts({ monotonicMs }: { monotonicMs: () => number }): FailedAttempts {
  const windows = new Map<string, { count: number; endsAt: number }>();

  function windowOf(network: string, now: number): { count: number; endsAt: number } {
    const known = windows.get(network);
    if (known !== undefined && known.endsAt > now) return known;
    // A new window goes to the end of the map: the first in it is the oldest.
    windows.delete(network);
    const fresh = { count: 0, endsAt: now + WINDOW_MS };
    windows.set(network, fresh);
    const [oldest] = windows.keys();
    if (windows.size > MAX_NETWORKS && oldest !== undefined) windows.delete(oldest);
    return fresh;
  }

  return {
    note(network) {
      const now = monotonicMs();
      const window = windowOf(network, now);
      window.count += 1;
      return window.count > MAX_ATTEMPTS ? Math.max(1, Math.ceil((window.endsAt - now) / 1000)) : null;
    },
  };
}
