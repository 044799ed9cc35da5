import type { Probe } from '../definition/load-task-files.ts';
import type { Isolate } from './isolate.ts';
import { loadIn } from './run-in-isolate.ts';
import { startProcess } from './start-process.ts';

export interface ProbeOptions {
  /** The time that a file may take to load, milliseconds. Default 20 s. */
  readonly withinMs?: number;
}

/** Of the process alone, on a machine that has a lot to do. */
const START_WITHIN_MS = 60_000;
/** Importing a file shall not need more, MiB. */
const MEMORY_MB = 1024;

/**
 * Loads task files in a process of their own first: one that never ends loading, or takes its process down, is known as such before it
 * can do that to the worker. One process for all of them, and a new one after each that does.
 */
export function createProbe({ withinMs = 20_000 }: ProbeOptions = {}): {
  probe: Probe;
  close: () => Promise<void>;
} {
  let isolate: Isolate | undefined;
  const close = async (): Promise<void> => {
    await isolate?.kill();
    isolate = undefined;
  };
  const probe: Probe = async (file, folders) => {
    if (isolate?.isAlive() !== true) isolate = startProcess({ memoryMb: MEMORY_MB });
    const { promise: late, resolve } = Promise.withResolvers<string>();
    let timer = setTimeout(resolve, START_WITHIN_MS, 'The process that should try it does not start');
    const onLoading = (): void => {
      clearTimeout(timer);
      timer = setTimeout(resolve, withinMs, `It did not load within ${withinMs / 1000} s`);
    };
    const problem = await Promise.race([loadIn(isolate, { file, folders }, onLoading), late]);
    clearTimeout(timer);
    if (problem === undefined) return;
    await close();
    throw new Error(
      typeof problem === 'string' ? problem : `Loading it ends the process: ${problem.message}`,
    );
  };
  return { probe, close };
}
