import type { Meaning } from './look.ts';

const WORDS: Readonly<Record<Meaning, readonly string[]>> = {
  good: ['succeeded', 'finished', 'completed', 'success', 'active', 'delivered', 'fired', 'yes'],
  bad: ['failed', 'error', 'dead', 'refused', 'hard_limit', 'worker', 'disabled', 'no'],
  busy: ['running', 'started', 'executing'],
  waits: ['waiting', 'draining', 'paused', 'cancelled', 'stopped', 'handed', 'skipped', 'expired', 'revoked'],
};

const MEANINGS = new Map(
  Object.entries(WORDS).flatMap(([meaning, words]) => words.map((word) => [word, meaning as Meaning])),
);

/** What a state says about how things are: by its first word, in any spelling. Undefined: nothing that is to stand out. */
export function stateMeaning(state: string): Meaning | undefined {
  return MEANINGS.get(/^\w*/.exec(state)![0].toLowerCase());
}
