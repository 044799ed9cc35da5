/** How a process exits whose set-up is wrong: EX_CONFIG of sysexits(3). */
export const WRONG_SET_UP = 78;

/** What the process was given is wrong in a way that only whoever gave it can mend: starting it again as it is is in vain. */
export class SetUpError extends Error {
  override readonly name: string = 'SetUpError';
}
