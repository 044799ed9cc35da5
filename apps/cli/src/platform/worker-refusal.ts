import { type ProcessHost, type SupervisorEvent, thisProcess, WRONG_SET_UP } from '@longshore/runtime';
import { CliError, exitCodes } from '../cli-error.ts';

export interface RefusalHost {
  /** The process, with an exit code of its own once a worker was refused. */
  readonly host: ProcessHost;
  /** A listener that calls `fail` when a worker ended because its key does not cover it. */
  endsWhenRefused(fail: (error: unknown) => void): (event: SupervisorEvent) => void;
}

/** A worker whose key does not cover it is not started again: that is a mistake in the set-up, which ends the command. */
export function refusalHost(here: ProcessHost = thisProcess()): RefusalHost {
  let isRefused = false;
  const ending = (how: (code: number) => void) => (code: number) =>
    how(isRefused && code !== 0 ? exitCodes.key : code);
  return {
    host: { ...here, end: ending(here.end), exit: ending(here.exit) },
    endsWhenRefused: (fail) => (event) => {
      if (event.type !== 'exited' || event.expected || event.exit.code !== WRONG_SET_UP) return;
      isRefused = true;
      fail(
        new CliError(`${event.name} was refused: ${event.exit.lastLines.join(' ')}`, {
          exitCode: exitCodes.key,
        }),
      );
    },
  };
}
