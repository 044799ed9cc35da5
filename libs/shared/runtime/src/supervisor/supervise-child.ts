import type { Clock } from '../clock/clock.ts';
import type { Logger } from '../logger/logger.ts';
import type { Child, ChildExit, ChildSpec, ChildState, Incarnation, Spawn } from './child.ts';
import { ChildStartError } from './child.ts';
import { incarnate } from './incarnation.ts';
import type { SupervisorEvent } from './supervisor.ts';

export interface SuperviseOptions {
  spec: ChildSpec;
  restartDelayMs: number;
  spawn: Spawn;
  clock: Clock;
  logger: Logger;
  emit: (event: SupervisorEvent) => void;
}

const CRASH_LOOP_RESTARTS = 5;
const CRASH_LOOP_WINDOW_MS = 5 * 60_000;
/** Of the usual delay of 10 s. With more, five restarts would not fall into the window, and the loop would seem to be over. */
const MOST_SLOWNESS = 4;

/** Runs a child again and again until it is told to stop. */
export function superviseChild(options: SuperviseOptions): Child {
  const { spec, clock, emit, logger } = options;
  const { name } = spec;
  const quit = new AbortController();
  const restarts = createRestartCounter(clock);
  let state: ChildState = 'running';
  let startedAt = clock.monotonic();
  let now: Incarnation = incarnate(spec, options.spawn, logger);

  const live = async (): Promise<void> => {
    for (;;) {
      emit({ type: 'started', name, pid: now.pid, restarts: restarts.total });
      const exit = await now.exited;
      emit({ type: 'exited', name, exit, expected: quit.signal.aborted });
      if (!quit.signal.aborted) {
        state = 'waiting';
        await pause(options, restarts.slowness(), quit.signal);
      }
      if (quit.signal.aborted) break;
      restarts.count();
      if (restarts.looping()) emit({ type: 'crash-loop', name, restarts: restarts.recent() });
      state = 'running';
      startedAt = clock.monotonic();
      now = incarnate(spec, options.spawn, logger);
    }
    state = 'stopped';
    emit({ type: 'stopped', name });
  };
  const ended = live();

  return {
    name,
    get state() {
      return state;
    },
    get pid() {
      return state === 'running' || state === 'stopping' ? now.pid : undefined;
    },
    get restarts() {
      return restarts.total;
    },
    get startedAt() {
      return startedAt;
    },
    get crashLooping() {
      return restarts.looping();
    },
    get exited() {
      return now.exited;
    },
    send: (message) => now.send(message),
    untilReady: (probe) => firstOf(probe, now.exited),
    stop: async (deadline) => {
      if (state === 'running') {
        state = 'stopping';
        now.terminate();
      }
      quit.abort();
      await endedBy(ended, deadline, () => now.kill());
    },
  };
}

/** Between the death of a process and the next one. */
async function pause(
  { spec, clock, emit, restartDelayMs }: SuperviseOptions,
  slowness: number,
  quit: AbortSignal,
): Promise<void> {
  const delayMs = restartDelayMs * slowness;
  emit({ type: 'waiting', name: spec.name, delayMs });
  await clock.sleep(delayMs, quit).catch(ignoreAbort(quit));
}

function ignoreAbort(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) throw error;
  };
}

async function firstOf<T>(
  probe: (signal: AbortSignal) => Promise<T>,
  exited: Promise<ChildExit>,
): Promise<T> {
  const controller = new AbortController();
  const failed = exited.then((exit) => {
    const error = new ChildStartError(exit);
    controller.abort(error);
    throw error;
  });
  return Promise.race([probe(controller.signal), failed]);
}

/** Waits for the end, and hastens it once the deadline is over. */
async function endedBy(ended: Promise<void>, deadline: AbortSignal, kill: () => void): Promise<void> {
  if (deadline.aborted) kill();
  deadline.addEventListener('abort', kill, { once: true });
  await ended;
  deadline.removeEventListener('abort', kill);
}

interface RestartCounter {
  readonly total: number;
  count(): void;
  recent(): number;
  looping(): boolean;
  /** By how much the next restart is to be put off. */
  slowness(): number;
}

function createRestartCounter(clock: Clock): RestartCounter {
  let total = 0;
  let times: number[] = [];
  const recent = (): number => {
    times = times.filter((time) => clock.monotonic() - time < CRASH_LOOP_WINDOW_MS);
    return times.length;
  };
  return {
    get total() {
      return total;
    },
    count: () => {
      total += 1;
      times.push(clock.monotonic());
    },
    recent,
    looping: () => recent() >= CRASH_LOOP_RESTARTS,
    slowness: () => Math.min(2 ** Math.max(0, recent() - CRASH_LOOP_RESTARTS + 1), MOST_SLOWNESS),
  };
}
