import { ApiError } from '@longshore/contracts';
import { CommanderError } from 'commander';
import { CliError, exitCodes } from './cli-error.ts';

/** The exit code that tells a script what kind of end this was. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  if (error instanceof ApiError && (error.status === 401 || error.status === 403)) return exitCodes.key;
  return exitCodes.failed;
}
