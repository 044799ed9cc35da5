import { type ProcessHost, thisProcess } from '@longshore/runtime';

/** A run was past its hard limit: the process handed back the others and wants to be started anew. */
export const EXIT_HARD_LIMIT = 86;

/** This process, which exits with 86 after it was told of such a run. */
export function hardLimitHost(): { host: ProcessHost; onHardLimit: (isStuck: boolean) => void } {
  let hardLimit = false;
  let isStuck = false;
  const here = thisProcess();
  const ending = (how: (code: number) => void) => (code: number) => {
    // An orderly exit joins all threads, and one of them does not end.
    if (isStuck) process.kill(process.pid, 'SIGKILL');
    how(hardLimit ? EXIT_HARD_LIMIT : code);
  };
  const host: ProcessHost = { ...here, end: ending(here.end), exit: ending(here.exit) };
  const onHardLimit = (stuck: boolean): void => {
    hardLimit = true;
    isStuck ||= stuck;
  };
  return { host, onHardLimit };
}
