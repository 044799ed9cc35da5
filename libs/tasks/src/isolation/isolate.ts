import type { FromIsolate, ToIsolate } from './messages.ts';

/** How a thread or process ended that was not told to end. */
export interface IsolateEnd {
  readonly code: 'out_of_memory' | 'crashed';
  readonly message: string;
  /** What it last said, for people. */
  readonly detail: string | null;
}

export interface IsolateListener {
  said(message: FromIsolate): void;
  /** A line on its standard output or error. */
  wrote(line: string, stream: 'stdout' | 'stderr'): void;
  /** Nothing of it is left. */
  gone(end: IsolateEnd): void;
}

/** A thread or process of runs, as the worker sees it. */
export interface Isolate {
  readonly isAlive: () => boolean;
  send(message: ToIsolate): void;
  /** Tells this one from now on, and the one before no more. */
  listen(listener: IsolateListener): void;
  /** Ends it whatever it does. Resolves to whether nothing of it is left; never rejects. */
  kill(): Promise<boolean>;
}

export interface IsolateLimits {
  /** MiB of JavaScript heap. */
  readonly memoryMb: number;
}

export type StartIsolate = (limits: IsolateLimits) => Isolate;

/** What is the worker's alone: with it a handler could speak in the name of any run. */
const OF_THE_WORKER = ['INTERNAL_SERVICE_API_KEY', 'BROKER_URL'];
/** What would have Node report modules to a watcher that is not there. */
const OF_THE_WATCHER = ['WATCH_REPORT_DEPENDENCIES'];

/** The environment of handlers in threads and processes. */
export function isolateEnv(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !OF_THE_WORKER.includes(name) && !OF_THE_WATCHER.includes(name),
  );
  return Object.fromEntries(kept);
}

export function outOfMemory({ memoryMb }: IsolateLimits, detail: string | null = null): IsolateEnd {
  return {
    code: 'out_of_memory',
    message: `It used more memory than the ${memoryMb} MiB that it may`,
    detail,
  };
}
