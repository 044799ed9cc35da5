import { createInterface } from 'node:readline/promises';
import { usageError } from '../cli-error.ts';

/** Where questions go and answers come from. */
export interface Conversation {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/**
 * Asks whoever sits at the terminal; undefined where nobody does: a pipe is asked nothing. It rejects when they go instead of answering
 * (Ctrl-C, Ctrl-D).
 */
export function askPerson({
  input,
  output,
}: Conversation): ((question: string) => Promise<string>) | undefined {
  if (input.isTTY !== true || output.isTTY !== true) return undefined;
  return async (question) => {
    const lines = createInterface({ input, output, terminal: true });
    const gone = Promise.withResolvers<never>();
    lines.once('close', () => gone.reject(usageError('Nothing was sent.')));
    const answer = lines.question(question);
    // Only one of the two is waited for in the end.
    answer.catch(() => undefined);
    gone.promise.catch(() => undefined);
    try {
      return await Promise.race([answer, gone.promise]);
    } catch (error) {
      throw usageError('Nothing was sent.', { cause: error });
    } finally {
      lines.close();
    }
  };
}
