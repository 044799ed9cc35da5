import { ApiError } from '@longshore/contracts';
import type { Clock, Logger } from '@longshore/runtime';
import type { WaitingRuns } from '../dispatch/waiting-runs.ts';
import type { CancelRun } from '../runs/cancel.ts';
import { isCausedByContent } from '../runs/attempt-ends.ts';
import { ORGANISATION_DELETED } from '../retention/deletions.ts';
import { sqlStateOf } from '../store/database.ts';
import { fireDue, fireWaiting, giveUp, type FireDependencies } from './fire.ts';
import { nextWake, runsToReplace } from './firing-statements.ts';
import { createGrowingRest, type GrowingRest } from './growing-rest.ts';

export interface FiringDependencies extends FireDependencies {
  readonly cancel: CancelRun;
  readonly waitingRuns: Pick<WaitingRuns, 'admit' | 'refuseWhenFull'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface FiringWork {
  /** To be called when schedules were changed: the next one may be due earlier than was known. */
  wake(): void;
  /** Resolves when nothing is being fired any more. */
  stop(): Promise<void>;
}

/** Schedules in one transaction at most. */
const MOST_TOGETHER = 500;
/** Nothing is looked at more seldom: word of a change may be lost. */
const SLOW_POLL_MS = 10_000;
/** What waits for an end is looked at so often, as long as anything does. */
const WAITING_POLL_MS = 1_000;
/** What is due and was not fired is in the hands of another backend. */
const ELSEWHERE_MS = 100;
const AFTER_FAILURE_MS = 1_000;

/** How long there was no room: for what is due, and for what waited for an earlier one to end. */
interface Rests {
  readonly due: GrowingRest;
  readonly waiting: GrowingRest;
}

/** Fires what is due, and sleeps until the next is: by the database's clock, woken earlier by changes. */
export function startFiring(dependencies: FiringDependencies): FiringWork {
  const { clock, logger } = dependencies;
  const stopping = new AbortController();
  const rests: Rests = { due: createGrowingRest(clock), waiting: createGrowingRest(clock) };
  let alarm = new AbortController();
  let isWoken = false;

  async function sleep(ms: number): Promise<void> {
    alarm = new AbortController();
    if (!isWoken)
      await clock.sleep(ms, AbortSignal.any([alarm.signal, stopping.signal])).catch(() => undefined);
    isWoken = false;
  }

  async function work(): Promise<void> {
    while (!stopping.signal.aborted) {
      let restMs = AFTER_FAILURE_MS;
      try {
        restMs = await fireAll(dependencies, rests, stopping.signal);
      } catch (error) {
        logger.error('Schedules could not be fired; tried again', { error });
      }
      if (restMs > 0) await sleep(restMs);
    }
  }

  const ended = work();
  return {
    wake() {
      isWoken = true;
      alarm.abort();
    },
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

/** One batch of each kind. @returns how long there is nothing to do, ms; 0: there may be more at once. */
async function fireAll(dependencies: FiringDependencies, rests: Rests, signal: AbortSignal): Promise<number> {
  const wake = await untilNext(dependencies);
  if (wake.anyWaits && rests.waiting.isOver()) await fireWaitingOnes(dependencies, rests.waiting);
  if (wake.dueInMs === null || wake.dueInMs > 0) return restOf(wake, rests.waiting);
  // Word of a change wakes it earlier, which makes no room.
  if (!rests.due.isOver()) return rests.due.leftMs();
  await cancelReplaced(dependencies, signal);
  try {
    const fired = await fireBatch(dependencies, null);
    rests.due.granted();
    return fired > 0 ? 0 : ELSEWHERE_MS;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // What is due stays due, and is told to whoever waits for it by the limit itself.
    const restMs = rests.due.refused();
    dependencies.logger.warn('Schedules have to wait', { reason: error.message, again_in_ms: restMs });
    return restMs;
  }
}

/** What is replaced ends first; a firing whose predecessor cannot be cancelled stays due, and holds up no other. */
async function cancelReplaced(
  { database, cancel, logger }: FiringDependencies,
  signal: AbortSignal,
): Promise<void> {
  for (const { id } of await database.query<{ id: string }>(runsToReplace, [MOST_TOGETHER])) {
    if (signal.aborted) return;
    try {
      await cancel(id);
    } catch (error) {
      logger.warn('A run could not be cancelled for the one that replaces it', { run_id: id, error });
    }
  }
}

interface Wake {
  readonly dueInMs: number | null;
  readonly anyWaits: boolean;
}

async function untilNext({ database }: FiringDependencies): Promise<Wake> {
  const [wake] = await database.hot<Wake & Record<string, unknown>>(nextWake, []);
  return wake!;
}

/** Timers may be early by less than a millisecond, and would find nothing. */
function restOf({ dueInMs, anyWaits }: Wake, waiting: GrowingRest): number {
  const most = anyWaits ? Math.max(WAITING_POLL_MS, Math.min(waiting.leftMs(), SLOW_POLL_MS)) : SLOW_POLL_MS;
  return Math.min(most, Math.max(1, Math.ceil(dueInMs ?? most)));
}

/** Fires the given schedules, or any; what the database does not take of one is told of that one. @returns schedules moved on */
async function fireBatch(dependencies: FiringDependencies, ids: readonly string[] | null): Promise<number> {
  let held: readonly string[] = ids ?? [];
  try {
    return await withRoom(dependencies, ids?.length ?? MOST_TOGETHER, async (most) => {
      const fired = await fireDue(dependencies, { ids, most, held: (all) => (held = all) });
      return { done: fired.schedules, runs: fired.runs };
    });
  } catch (error) {
    const isDeleted = sqlStateOf(error) === ORGANISATION_DELETED;
    if (held.length === 0 || (!isCausedByContent(error) && !isDeleted)) throw error;
    if (held.length > 1) return await fireHalves(dependencies, held);
    dependencies.logger.warn('A schedule could not be fired', { schedule_id: held[0], error });
    await giveUp(dependencies, held[0]!, `It could not be fired: ${(error as Error).message}`);
    return 1;
  }
}

async function fireHalves(dependencies: FiringDependencies, ids: readonly string[]): Promise<number> {
  const middle = Math.ceil(ids.length / 2);
  const first = await fireBatch(dependencies, ids.slice(0, middle));
  return first + (await fireBatch(dependencies, ids.slice(middle)));
}

/** What is due is fired in any case. */
async function fireWaitingOnes(dependencies: FiringDependencies, rest: GrowingRest): Promise<void> {
  try {
    let isRefused = false;
    await withRoom(dependencies, MOST_TOGETHER, async (most) => {
      const fired = await fireWaiting(dependencies, most);
      isRefused = fired.runs === 0 && fired.refused > 0;
      return { done: fired.schedules, runs: fired.runs };
    });
    if (isRefused) rest.refused();
    else rest.granted();
  } catch (error) {
    const again_in_ms = rest.refused();
    dependencies.logger.warn('Firings that waited could not begin; tried again', { error, again_in_ms });
  }
}

/**
 * Sets room aside in the line of waiting runs, as for clients' requests, and gives back what was not needed. One schedule may
 * make more runs than one when it catches up: those go over the limit, and are counted with the next measurement.
 *
 * @throws ApiError 503 when there is no room at all: what is due stays due.
 */
async function withRoom(
  { waitingRuns }: FiringDependencies,
  wanted: number,
  work: (most: number) => Promise<{ done: number; runs: number }>,
): Promise<number> {
  const settles = [await waitingRuns.admit()];
  let runs = 0;
  try {
    for (const settle of await roomFor(waitingRuns, wanted - 1)) settles.push(settle);
    const result = await work(settles.length);
    runs = result.runs;
    return result.done;
  } finally {
    settles.forEach((settle, index) => settle(index < runs));
  }
}

type Settle = (written: boolean) => void;

/** As much as there is. */
async function roomFor(waitingRuns: Pick<WaitingRuns, 'admit'>, wanted: number): Promise<Settle[]> {
  const tries = await Promise.allSettled(Array.from({ length: wanted }, () => waitingRuns.admit()));
  return tries.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
}
