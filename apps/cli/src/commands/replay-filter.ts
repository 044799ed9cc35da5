import { usageError } from '../cli-error.ts';
import { type FailureFilterFlags, queryOf } from './failure-filter.ts';
import { wholeNumberFrom } from './number-option.ts';

/** What is run again: the word of its commands. */
export type Replayable = 'execution' | 'task';

/** How --limit and --per-minute are read: as the platform takes them. */
export const REPLAYED_AT_MOST = wholeNumberFrom(1, 10_000);
export const PER_MINUTE = wholeNumberFrom(1, 6000);

export interface ReplayFilterFlags extends FailureFilterFlags {
  readonly cause?: string;
  readonly all?: true;
  readonly limit: number;
  readonly perMinute: number;
  readonly dryRun?: true;
}

/** Whether they name some failures rather than all. */
export const isNarrowed = (flags: ReplayFilterFlags): boolean =>
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
    limit: flags.limit,
    per_minute: flags.perMinute,
    dry_run: dryRun === true,
  };
}
