import { setTimeout as sleep } from 'node:timers/promises';
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

export interface AutoscaleFigures {
  /** From the submission of more than there are slots to the upper bound, ms. */
  readonly upMs: number;
  /** From the end of the last run to the lower bound, ms. */
  readonly downMs: number;
}

const BACKLOG = 12;
const SECONDS_EACH = 3;
const LOOK_EVERY_MS = 50;

/** A general worker goes from 2 to 6 slots and back. */
export async function measureAutoscaling(stage: Stage): Promise<AutoscaleFigures> {
  const workers = await stage.start(['general'], 'separate');
  const [{ port }] = workers as [Started];
  try {
    const started = performance.now();
    const ids = await Promise.all(Array.from({ length: BACKLOG }, () => submit(stage, SECONDS_EACH)));
    await slotsAre(port, 6);
    const upMs = performance.now() - started;
    await Promise.all(ids.map((id) => finished(stage, id)));
    const ended = performance.now();
    await slotsAre(port, 2);
    return { upMs, downMs: performance.now() - ended };
  } finally {
    await endAll(workers);
  }
}

async function slotsAre(port: number, slots: number): Promise<void> {
  const by = performance.now() + 120_000;
  for (;;) {
    const health = (await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as { concurrency: number };
    if (health.concurrency === slots) return;
    if (performance.now() > by) throw new Error(`the worker did not come to ${slots} slots within 120 s`);
    await sleep(LOOK_EVERY_MS);
  }
}

async function endAll(workers: readonly Started[]): Promise<void> {
  await Promise.all(workers.map(({ end }) => end()));
}
