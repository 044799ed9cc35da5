import type { KeyKind } from '@longshore/contracts';
import type { KeyChanges } from './key-changes.ts';
import type { Key, Keys } from './keys.ts';

/** Keys that were good a moment ago: workers call many times a second, and clients that submit one by one. */
export interface TrustedKeys {
  /** The good key behind a secret, or null; asks the database only when it must, for all but service keys always. */
  find(secret: string): Promise<Key | null>;
  /** An organisation's key that was good a moment ago: whoever takes it looks again in the very statement that does what is asked. */
  believed(secret: string): Key | null;
}

interface Trusted {
  readonly key: Key;
  readonly generation: number;
  readonly until: number;
}

/** Word of changes is what ends trust; this is the net below it, and keeps what nobody uses any more from staying. */
const MAX_TRUST_MS = 60_000;
const MAX_TRUSTED = 1_000;

export interface TrustedKeysDependencies {
  readonly keys: Keys;
  readonly changes: KeyChanges;
  readonly monotonicMs: () => number;
}

/** Kinds that are remembered. */
const REMEMBERED: ReadonlySet<KeyKind> = new Set(['service', 'organisation']);

/**
 * Believes what the database said of a key until any key changes, the key expires, or it is not certain any
 * more that word of changes arrives.
 */
export function createTrustedKeys({ keys, changes, monotonicMs }: TrustedKeysDependencies): TrustedKeys {
  const trusted = new Map<string, Trusted>();

  function known(secret: string, kind: KeyKind): Key | null {
    const entry = trusted.get(secret);
    if (entry?.key.kind !== kind) return null;
    const good = entry.generation === changes.generation() && entry.until > monotonicMs();
    if (!good) trusted.delete(secret);
    return good && changes.isCurrent() ? entry.key : null;
  }

  return {
    async find(secret) {
      const key = known(secret, 'service');
      if (key !== null) return key;
      // Taken before the question: a change that is heard of while it is answered makes the answer worth nothing.
      const generation = changes.generation();
      const found = await keys.find(secret);
      if (found === null || !REMEMBERED.has(found.kind)) return found;
      if (trusted.size >= MAX_TRUSTED) trusted.clear();
      const trustMs = Math.min(MAX_TRUST_MS, found.expiresInMs ?? Infinity);
      trusted.set(secret, { key: found, generation, until: monotonicMs() + trustMs });
      return found;
    },
    believed: (secret) => known(secret, 'organisation'),
  };
}
