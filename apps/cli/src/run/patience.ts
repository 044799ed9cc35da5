import { ApiError } from '@longshore/contracts';
import { type Clock, systemClock } from '@longshore/runtime';
import { createUntilAnswered, isUnanswered } from '../client/until-answered.ts';

/** Where no room is told without a time. */
const NO_ROOM_MS = 1_000;
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

export interface BatchPatienceSettings {
  /** Ends all waiting at once. */
  readonly signal: AbortSignal;
  /** Told when the platform falls silent, and when it answers again. */
  readonly tell: (line: string) => void;
  /** So long nobody may answer. Default: two minutes. */
  readonly unreachableMs?: number;
  readonly clock?: Pick<Clock, 'monotonic' | 'sleep'>;
}

/** Patience for many calls at once, each of which may be repeated without harm. */
export function createPatience(settings: BatchPatienceSettings): Patience {
  const { signal, tell, unreachableMs = UNREACHABLE_MS, clock = systemClock } = settings;
  const roomAt = { send: 0, ask: 0 };
  // Not all at the same moment.
  const rest = (ms: number) => clock.sleep(ms * (1 + Math.random() / 4), signal);
  const untilAnswered = createUntilAnswered({
    ...{ tell, boundMs: unreachableMs, advice: 'run it again to go on' },
    clock: { monotonic: clock.monotonic, sleep: rest },
    isSilence: (error) => isUnanswered(error) || (error instanceof ApiError && error.status >= 500),
  });

  return {
    async until(kind, call) {
      for (;;) {
        while (roomAt[kind] > clock.monotonic()) await rest(roomAt[kind] - clock.monotonic());
        try {
          return await untilAnswered(call, signal);
        } catch (error) {
          if (!(error instanceof ApiError) || error.status !== 429) throw error;
          const { retryAfterSeconds } = error;
          const waitMs = retryAfterSeconds === undefined ? NO_ROOM_MS : retryAfterSeconds * 1_000;
          roomAt[kind] = clock.monotonic() + waitMs;
        }
      }
    },
  };
}
