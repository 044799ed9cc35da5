import { setTimeout as pause } from 'node:timers/promises';
import { ApiError } from '@longshore/contracts';
import { CliError, exitCodes } from '../cli-error.ts';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** So long nobody may answer before the batch is given up for now. */
const UNREACHABLE_MS = 120_000;

export interface Patience {
  /**
   * Carries out a call until it is answered. Where the platform has no room (429), all that are of that kind wait as long as it says;
   * where it does not answer or has trouble of its own, each comes again after a growing pause.
   * @throws what a repetition would not change, and CliError when nobody answered for two minutes
   */
  until<T>(kind: 'send' | 'ask', call: () => Promise<T>): Promise<T>;
}

/** @param signal ends all waiting at once */
export function createPatience(signal: AbortSignal, unreachableMs = UNREACHABLE_MS): Patience {
  const roomAt = { send: 0, ask: 0 };
  let heardAt = performance.now();

  async function rest(ms: number): Promise<void> {
    // Not all at the same moment.
    await pause(ms * (1 + Math.random() / 4), undefined, { signal });
  }

  return {
    async until(kind, call) {
      for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
        while (roomAt[kind] > performance.now()) await rest(roomAt[kind] - performance.now());
        try {
          const answer = await call();
          heardAt = performance.now();
          return answer;
        } catch (error) {
          signal.throwIfAborted();
          if (!isPassing(error)) throw error;
          if (error instanceof ApiError && error.status < 500) heardAt = performance.now();
          if (performance.now() - heardAt > unreachableMs) throw givenUp(error);
          if (error instanceof ApiError && error.status === 429)
            roomAt[kind] = performance.now() + (error.retryAfterSeconds ?? pauseMs / 1000) * 1000;
          else await rest(pauseMs);
        }
      }
    },
  };
}

/** Whether the same call may be answered otherwise later. */
function isPassing(error: unknown): boolean {
  if (error instanceof ApiError) return error.status === 429 || error.status >= 500;
  if (error instanceof CliError) return error.exitCode === exitCodes.unreachable;
  return (error as Error | undefined)?.name === 'TimeoutError';
}

function givenUp(cause: unknown): CliError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CliError(
    `The platform has not answered for a while (${reason.replace(/\.$/, '')}): run it again to go on.`,
    {
      cause,
      exitCode: exitCodes.unreachable,
    },
  );
}
