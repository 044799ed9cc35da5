import type { ChildProcess, SpawnOptions } from 'node:child_process';

/** What to run. */
export interface ChildSpec {
  /** Unique among the children of a supervisor. */
  name: string;
  command: string;
  args?: readonly string[];
  /** The whole environment of the child. Default: ours. `LONGSHORE_PARENT_PIPE=true` is added. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Called for each line of standard output; without it they are dropped. */
  stdout?: (line: string) => void;
  /** Called for each line of standard error; without it they are logged as warnings. */
  stderr?: (line: string) => void;
  /** Called for each message that the child sends with `process.send`; without it there is no such channel. */
  onMessage?: (message: unknown) => void;
}

/** How a child ended. */
export interface ChildExit {
  readonly name: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Its last lines of standard error, at most 20. */
  readonly lastLines: readonly string[];
}

/** `waiting`: dead, and to be started again. `stopped` is the end. */
export type ChildState = 'running' | 'waiting' | 'stopping' | 'stopped';

/** One supervised child, across its restarts. */
export interface Child {
  readonly name: string;
  readonly state: ChildState;
  /** Of the process that runs now. */
  readonly pid: number | undefined;
  /** How often it was started again. */
  readonly restarts: number;
  /** When the process that runs now was started, or the last one: monotonic milliseconds. */
  readonly startedAt: number;
  /** 5 restarts within 5 minutes. */
  readonly crashLooping: boolean;
  /** Resolves with how the process ends that runs now, or how the last one ended. */
  readonly exited: Promise<ChildExit>;
  /**
   * Settles as the probe does, unless the child exits first.
   * @throws {ChildStartError} when it does; the probe's signal then aborts.
   */
  untilReady<T>(probe: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Sends it a message. False when there is no channel or no process that would get it. */
  send(message: object): boolean;
  /** SIGTERM, then SIGKILL (to the child and its descendants) once the deadline aborts. Resolves when it is gone. */
  stop(deadline: AbortSignal): Promise<void>;
}

/** A child exited before it was ready. The message holds the last it said. */
export class ChildStartError extends Error {
  override readonly name = 'ChildStartError';
  readonly exit: ChildExit;

  constructor(exit: ChildExit) {
    super([`${exit.name} ${howItEnded(exit)} before it was ready`, ...exit.lastLines].join('\n'));
    this.exit = exit;
  }
}

function howItEnded({ code, signal }: ChildExit): string {
  if (signal !== null) return `was ended by ${signal}`;
  return code === null ? 'could not be started' : `exited with code ${code}`;
}

/** Starts a process, as `node:child_process` does. */
export type Spawn = (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess;

/** One process of a child. */
export interface Incarnation {
  readonly pid: number | undefined;
  /** Never rejects. */
  readonly exited: Promise<ChildExit>;
  /** False when it cannot get it. */
  send(message: object): boolean;
  /** SIGTERM to the process alone: it knows how to end what it started. */
  terminate(): void;
  /** SIGKILL to it and all it started. */
  kill(): void;
}
