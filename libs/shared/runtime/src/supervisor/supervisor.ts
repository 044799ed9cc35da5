import { spawn as spawnProcess } from 'node:child_process';
import type { Clock } from '../clock/clock.ts';
import { systemClock } from '../clock/clock.ts';
import type { Logger } from '../logger/logger.ts';
import type { Child, ChildExit, ChildSpec, Spawn } from './child.ts';
import { superviseChild } from './supervise-child.ts';

/** Something that happened to a child. */
export type SupervisorEvent =
  | {
      readonly type: 'started';
      readonly name: string;
      readonly pid: number | undefined;
      readonly restarts: number;
    }
  | { readonly type: 'exited'; readonly name: string; readonly exit: ChildExit; readonly expected: boolean }
  | { readonly type: 'waiting'; readonly name: string; readonly delayMs: number }
  | { readonly type: 'crash-loop'; readonly name: string; readonly restarts: number }
  | { readonly type: 'stopped'; readonly name: string };

export interface SupervisorOptions {
  logger: Logger;
  /** From the death of a child to its next start, milliseconds (default 10,000). */
  restartDelayMs?: number;
  onEvent?: (event: SupervisorEvent) => void;
  spawn?: Spawn;
  clock?: Clock;
}

export interface Supervisor {
  /**
   * Starts a child and keeps it running until it is stopped.
   * @throws {TypeError} when the name is taken.
   */
  add(spec: ChildSpec): Child;
  readonly children: readonly Child[];
  /** Stops all children side by side; for an order, call their own `stop` first. Nothing can be added any more. */
  stopAll(deadline: AbortSignal): Promise<void>;
}

const DEFAULT_RESTART_DELAY_MS = 10_000;

/** Keeps child processes running, and touches no process but those it started. */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { logger, restartDelayMs = DEFAULT_RESTART_DELAY_MS, clock = systemClock } = options;
  const spawn: Spawn = options.spawn ?? ((command, args, given) => spawnProcess(command, args, given));
  const children = new Map<string, Child>();
  let stopped = false;
  const emit = (event: SupervisorEvent): void => {
    tell(logger, event);
    try {
      options.onEvent?.(event);
    } catch (error) {
      logger.error('listener of the supervisor failed', { error });
    }
  };
  return {
    add: (spec) => {
      if (stopped) throw new TypeError(`The supervisor has stopped and cannot start ${spec.name}`);
      if (children.has(spec.name)) throw new TypeError(`There is already a child named ${spec.name}`);
      const child = superviseChild({ spec, restartDelayMs, spawn, clock, logger, emit });
      children.set(spec.name, child);
      return child;
    },
    get children() {
      return [...children.values()];
    },
    stopAll: async (deadline) => {
      stopped = true;
      await Promise.all([...children.values()].map((child) => child.stop(deadline)));
    },
  };
}

function tell(logger: Logger, event: SupervisorEvent): void {
  const { type, name, ...rest } = event;
  const fields = { child: name, ...rest };
  if (type === 'started') logger.info('child started', fields);
  else if (type === 'waiting') logger.info('child will be started again', fields);
  else if (type === 'stopped') logger.info('child stopped', fields);
  else if (type === 'crash-loop') logger.error('child is in a crash loop', fields);
  else if (event.expected) logger.info('child exited', fields);
  else logger.warn('child died', fields);
}
