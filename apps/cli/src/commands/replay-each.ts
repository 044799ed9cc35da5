import { ApiError } from '@longshore/contracts';
import { CliError, usageError } from '../cli-error.ts';
import type { Terminal } from '../output/terminal.ts';
import { isNarrowed, type Replayable, type ReplayFilterFlags } from './replay-filter.ts';
import { tellMatched } from './replay-progress.ts';

interface Refusal {
  readonly answer: object;
  readonly error: string;
}

export interface ReplayEachMeans {
  readonly what: Replayable;
  readonly flags: ReplayFilterFlags & { readonly json?: true };
  readonly terminal: Terminal;
  /** Begins one again. @returns the id of what runs now, and what the platform answered */
  readonly replay: (id: string) => Promise<{ readonly begun: string; readonly answer: object }>;
  /** What is said of one that was refused, in the shape of the answers. */
  readonly refusal: (id: string, error: ApiError) => Refusal | Promise<Refusal>;
}

/**
 * Runs what is named again, one after the other. A refusal of one is no reason to leave the others; a platform out of reach is.
 * @throws CliError when one was refused, or when a filter is given beside
 */
export async function replayEach(ids: readonly string[], means: ReplayEachMeans): Promise<void> {
  const { what, flags, terminal } = means;
  if (flags.all || isNarrowed(flags))
    throw usageError(`Name ${what}s, or say which failures are meant, not both.`);
  if (flags.dryRun) return tellMatched(ids.length, means);
  let refused = 0;
  for (const id of ids) {
    const { begun, answer, error } = await outcomeOf(id, means);
    if (error !== null) refused += 1;
    const words = begun ?? `not replayed: ${error ?? ''}`;
    terminal.out(flags.json ? JSON.stringify({ ...answer, error }) : `${id} ${words}`);
  }
  if (refused > 0) throw new CliError(`${refused} of ${ids.length} could not be replayed.`);
}

async function outcomeOf(id: string, { replay, refusal }: ReplayEachMeans) {
  try {
    return { ...(await replay(id)), error: null };
  } catch (error) {
    if (!(error instanceof ApiError) || ![400, 404, 409, 429].includes(error.status)) throw error;
    return { ...(await refusal(id, error)), begun: null };
  }
}
