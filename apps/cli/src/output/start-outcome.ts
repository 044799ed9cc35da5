import type { Attempt } from '@longshore/contracts';

const WORDS: Readonly<Partial<Record<Attempt['outcome'], string>>> = {
  retry: 'failed, tried again',
  released: 'handed back',
  lapsed: 'worker lost',
};

/**
 * What became of one start of a run, in words. A start that was handed back, or whose worker was lost, uses up no attempt: the next one
 * begins the same attempt again.
 */
export function startOutcome(outcome: Attempt['outcome']): string {
  return WORDS[outcome] ?? outcome;
}
