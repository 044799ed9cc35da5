import { ApiError } from '@longshore/contracts';
import { CliError, usageError } from '../cli-error.ts';
import type { Terminal } from '../output/terminal.ts';
import { type FailureFilterFlags, queryOf } from './failure-filter.ts';
import { wholeNumberOf } from './replay-progress.ts';

/** What is run again: the word of its commands. */
export type Replayable = 'execution' | 'task';

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

/** Says how many would be run again. */
export function tellMatched(
  matched: number,
  { what, flags, terminal }: Pick<ReplayEachMeans, 'what' | 'terminal'> & { flags: { readonly json?: true } },
): void {
  const words = `${counted(matched, what)} would be replayed.`;
  terminal.out(flags.json ? JSON.stringify({ matched, replay: null }) : words);
}

const counted = (count: number, what: Replayable): string => `${count} ${what}${count === 1 ? '' : 's'}`;

export interface ReplayFilterFlags extends FailureFilterFlags {
  readonly cause?: string;
  readonly all?: true;
  readonly limit: string;
  readonly perMinute: string;
  readonly dryRun?: true;
}

const isNarrowed = (flags: ReplayFilterFlags): boolean =>
  flags.cause !== undefined ||
  Object.keys(queryOf(flags, Date.now())).some((name) => name !== 'organisation');

/** What the flags ask to run again. @throws CliError unless they name something or say `--all` */
export function replayFilterOf(flags: ReplayFilterFlags, what: Replayable) {
  const { cause, all, dryRun } = flags;
  if (!isNarrowed(flags) && !all)
    throw usageError(`Name ${what}s, or which failures are meant, or say --all for all of them.`);
  return {
    ...queryOf(flags, Date.now()),
    ...(cause === undefined ? {} : { cause }),
    limit: wholeNumberOf(flags.limit, '--limit'),
    per_minute: wholeNumberOf(flags.perMinute, '--per-minute'),
    dry_run: dryRun === true,
  };
}
