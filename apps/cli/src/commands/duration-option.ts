import { durationMs } from '@longshore/contracts';
import { InvalidArgumentError } from 'commander';
import { usageError } from '../cli-error.ts';

/** How a duration is written, for help texts. */
export const DURATION = '90s, 30m, 24h, 7d or 1h30m';

/**
 * Seconds of a duration as people write it, in every command: `90s`, `30m`, `24h`, `7d`, `1h30m`; digits alone are seconds.
 * @throws CliError for anything else
 */
export function secondsOf(spelled: string): number {
  const seconds = secondsIn(spelled);
  if (seconds === undefined) throw usageError(`"${spelled}" is no duration: write it as ${DURATION}.`);
  return seconds;
}

/** The same for an option of a command, from `least` to `most` seconds. @throws InvalidArgumentError that commander tells */
export function secondsFrom(least: number, most: number): (spelled: string) => number {
  return (spelled) => {
    const seconds = secondsIn(spelled);
    if (seconds !== undefined && seconds >= least && seconds <= most) return seconds;
    throw new InvalidArgumentError(`Write a duration from ${least}s to ${most}s, as ${DURATION}.`);
  };
}

/** As the platform takes a duration: with its unit. @throws CliError */
export function withUnit(spelled: string): string {
  secondsOf(spelled);
  return /^\d+$/.test(spelled) ? `${spelled}s` : spelled;
}

function secondsIn(spelled: string): number | undefined {
  const ms = durationMs(/^\d{1,9}$/.test(spelled) ? `${spelled}s` : spelled);
  return Number.isNaN(ms) ? undefined : ms / 1000;
}
