import { availableParallelism } from 'node:os';
import type { Probe } from '../definition/load-task-files.ts';
import type { Isolate } from './isolate.ts';
import { loadIn } from './run-in-isolate.ts';
import { startProcess } from './start-process.ts';

export interface ProbeOptions {
  /** The time that a file may take to load, milliseconds. Default 20 s. */
  readonly withinMs?: number;
  /** Files that are tried at once, each in a process of its own. Default: as many as there are cores. */
  readonly atOnce?: number;
}

/** Of the process alone, on a machine that has a lot to do. */
const START_WITHIN_MS = 60_000;
/** Importing a file shall not need more, MiB. */
const MEMORY_MB = 1024;

/**
 * Loads task files in a process of their own first: one that never ends loading, or takes its process down, is known as such before it
 * can do that to the worker. A few processes for all of them, and a new one after each that does.
 */
export function createProbe({ withinMs = 20_000, atOnce = availableParallelism() }: ProbeOptions = {}): {
  probe: Probe;
  close: () => Promise<void>;
} {
  const free: (Isolate | undefined)[] = Array.from({ length: Math.max(1, atOnce) }, () => undefined);
  const waiting: (() => void)[] = [];

  async function take(): Promise<Isolate> {
    while (free.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    // One that is used already before one that would have to be started.
    const used = free.findIndex((isolate) => isolate?.isAlive() === true);
    const [isolate] = free.splice(Math.max(0, used), 1);
    return isolate?.isAlive() === true ? isolate : startProcess({ memoryMb: MEMORY_MB });
  }

  function giveBack(isolate: Isolate | undefined): void {
    free.push(isolate);
    waiting.shift()?.();
  }

  const probe: Probe = async (file, folders) => {
    const isolate = await take();
    const problem = await problemOf(isolate, { file, folders });
    if (problem === undefined) return giveBack(isolate);
    await isolate.kill();
    giveBack(undefined);
    throw new Error(problem);
  };

  /** What keeps it from being loaded; undefined when nothing does. */
  async function problemOf(
    isolate: Isolate,
    { file, folders }: { file: string; folders: readonly string[] },
  ): Promise<string | undefined> {
    const { promise: late, resolve } = Promise.withResolvers<string>();
    let timer = setTimeout(resolve, START_WITHIN_MS, 'The process that should try it does not start');
    const onLoading = (): void => {
      clearTimeout(timer);
      timer = setTimeout(resolve, withinMs, `It did not load within ${withinMs / 1000} s`);
    };
    const problem = await Promise.race([loadIn(isolate, { file, folders }, onLoading), late]);
    clearTimeout(timer);
    if (problem === undefined || typeof problem === 'string') return problem;
    return `Loading it ends the process: ${problem.message}`;
  }

  return { probe, close: async () => void (await Promise.all(free.splice(0).map((each) => each?.kill()))) };
}
