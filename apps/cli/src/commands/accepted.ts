import { CliError, exitCodes } from '../cli-error.ts';
import { explainError } from '../output/explain-error.ts';
import type { Terminal } from '../output/terminal.ts';

/** What the platform took in: it goes on there, whatever becomes of the one who waits for it. */
export interface Accepted {
  readonly kind: 'execution' | 'task';
  readonly id: string;
}

/** Names what was accepted before it is waited for; whoever wants JSON finds the id in that. */
export function tellAccepted({ kind, id }: Accepted, flags: { json?: true }, terminal: Terminal): void {
  if (!flags.json) terminal.err(`${kind} ${id}`);
}

/**
 * Waits for something that was accepted. What goes wrong with the waiting does not undo the acceptance.
 * @throws CliError that names it and ends with "goes on", whatever went wrong
 */
export async function whileItGoesOn<T>({ kind, id }: Accepted, wait: () => Promise<T>): Promise<T> {
  try {
    return await wait();
  } catch (error) {
    const again = kind === 'task' ? `longshore tasks result ${id} --wait` : `longshore result ${id} --wait`;
    const reason = explainError(error).replace(/\.$/, '');
    throw new CliError(
      `The ${kind} ${id} was accepted and goes on; what became of it could not be asked here: ${reason}. Go on waiting with "${again}".`,
      { cause: error, exitCode: exitCodes.unfinished },
    );
  }
}
