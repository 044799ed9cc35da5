import { coreWorkerNames } from '@longshore/contracts';
import { carryOut, finished, submit } from './load.ts';
import type { Stage, Started } from './stage.ts';
import { idleCpu, treeMemory } from './tree-memory.ts';

export interface WorkerFigures {
  /** MiB of all four. */
  readonly idle: number;
  readonly after: number;
  /** Shares of a core while nothing is to be done; null when that was not looked at. */
  readonly cpu: { readonly workers: number; readonly backend: number } | null;
}

export interface Sizes {
  readonly runs: number;
  readonly settleMs: number;
  readonly idleMs: number;
}

/** All four workers, idle and after the runs. */
export async function measureWorkers(
  stage: Stage,
  how: 'separate' | 'packed',
  { runs, settleMs, idleMs }: Sizes,
): Promise<WorkerFigures> {
  const workers = await stage.start(coreWorkerNames, how);
  const pids = workers.map(({ pid }) => pid);
  try {
    const idle = await treeMemory(pids, settleMs);
    const cpu = idleMs > 0 ? await cpuOf(pids, stage.backendPid, idleMs) : null;
    await carryOut(stage, runs);
    const after = await treeMemory(pids, settleMs);
    return { idle, after, cpu };
  } finally {
    await endAll(workers);
  }
}

async function cpuOf(pids: readonly number[], backendPid: number, forMs: number) {
  const [workers, backend] = await Promise.all([idleCpu(pids, forMs), idleCpu([backendPid], forMs)]);
  return { workers, backend };
}

/** From the start of a general worker to the end of a run that waited for it, ms. */
export async function measureColdStart(stage: Stage): Promise<number> {
  // A task is taken only once somebody has registered it.
  await endAll(await stage.start(['general'], 'separate'));
  const id = await submit(stage, 0);
  const ended = finished(stage, id);
  const started = performance.now();
  const worker = stage.start(['general'], 'separate');
  try {
    await ended;
    return performance.now() - started;
  } finally {
    await endAll(await worker);
  }
}

async function endAll(workers: readonly Started[]): Promise<void> {
  await Promise.all(workers.map(({ end }) => end()));
}
