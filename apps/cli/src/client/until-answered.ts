import { ApiError } from '@longshore/contracts';
import type { Clock } from '@longshore/runtime';
import { CliError, exitCodes, UnansweredError } from '../cli-error.ts';
import type { PlatformClient } from './platform-client.ts';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;
const BOUND_MS = 60_000;
/** A gateway that reaches nobody, and a platform that is about to stop or not ready yet. */
const NOBODY_THERE: readonly number[] = [502, 503, 504];
const ANSWER_WITHIN_MS = 30_000;

export interface PatienceSettings {
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>;
  /** Told when the platform falls silent, and when it answers again. */
  readonly tell: (line: string) => void;
  /** So long nobody may answer. Default: 60 seconds. */
  readonly boundMs?: number;
  /** What to do, or to know, when it was given up: it follows a colon. */
  readonly advice?: string;
  /** Whether what is waited for was accepted before: then it goes on, though nobody answers. Default: once somebody answered. */
  readonly isAccepted?: boolean;
  /** Whether somebody asks again after this error. Default: {@link isUnanswered}. */
  readonly isSilence?: (error: unknown) => boolean;
}

/** Asks until there is an answer. @throws what is an answer, and CliError when nobody answered for too long */
export type UntilAnswered = <T>(ask: () => Promise<T>, signal?: AbortSignal) => Promise<T>;

/** Whether nobody answered, or somebody who only said that the platform is not there: a platform that starts anew looks like that. */
export function isUnanswered(error: unknown): boolean {
  if (error instanceof ApiError) return NOBODY_THERE.includes(error.status);
  return error instanceof UnansweredError || (error as Error | undefined)?.name === 'TimeoutError';
}

/**
 * Patience with a platform that starts anew: questions nobody answers are asked again, after pauses that grow from a quarter of a second to
 * five. It is one silence for all who ask through it, counted from the first question without an answer.
 */
export function createUntilAnswered(settings: PatienceSettings): UntilAnswered {
  const { clock, tell, boundMs = BOUND_MS, advice, isSilence = isUnanswered } = settings;
  let silentSince: number | undefined;
  let goesOn = settings.isAccepted ?? false;

  function heard(): void {
    if (silentSince !== undefined) tell('The platform answers again.');
    silentSince = undefined;
    goesOn = true;
  }

  /** How long nobody may answer from now on. @throws CliError when that is over */
  function leftAfter(error: unknown): number {
    if (silentSince === undefined && boundMs > 0)
      tell(
        `The platform does not answer (${reasonOf(error)}); asking again for up to ${inSeconds(boundMs)}.`,
      );
    silentSince ??= clock.monotonic();
    const leftMs = silentSince + boundMs - clock.monotonic();
    if (leftMs > 0) return leftMs;
    throw new CliError(
      `The platform has not answered for ${inSeconds(boundMs)} (${reasonOf(error)})${advice === undefined ? '' : `: ${advice}`}.`,
      { cause: error, exitCode: goesOn ? exitCodes.unfinished : exitCodes.unreachable },
    );
  }

  return async (ask, signal) => {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        const answer = await ask();
        heard();
        return answer;
      } catch (error) {
        signal?.throwIfAborted();
        if (!isSilence(error)) {
          if (error instanceof ApiError) heard();
          throw error;
        }
        await clock.sleep(Math.min(pauseMs, leftAfter(error)), signal);
      }
    }
  };
}

/** A client that asks again what only reads, until it is answered: for whoever waits for an end. What it sends, it sends once. */
export function createPatientClient(client: PlatformClient, settings: PatienceSettings): PlatformClient {
  const untilAnswered = createUntilAnswered(settings);
  return {
    url: client.url,
    open: (route, options = {}) => untilAnswered(() => client.open(route, options), options.signal),
    call: (route, options = {}) => {
      if (route.method !== 'get') return client.call(route, options);
      const { query, signal } = options;
      // Some questions are answered only when something has ended, or after the time they name.
      const withinMs = ANSWER_WITHIN_MS + Number(query?.['wait'] ?? 0) * 1_000;
      const each = () => {
        const limit = AbortSignal.timeout(withinMs);
        return client.call(route, { ...options, signal: signal ? AbortSignal.any([signal, limit]) : limit });
      };
      return untilAnswered(each, signal);
    },
  };
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
}

function inSeconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`;
}
