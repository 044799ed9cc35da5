import { setTimeout as sleep } from 'node:timers/promises';
import { cpuByName, memoryByName, processTree, type PlatformProcess } from '../processes.ts';

/** All processes of these trees. */
export function treesOf(pids: readonly number[]): PlatformProcess[] {
  return pids.flatMap((pid) => processTree(pid));
}

/** MiB (PSS) of these processes and all below them, after a rest. */
export async function treeMemory(pids: readonly number[], settleMs: number): Promise<number> {
  await sleep(settleMs);
  return [...memoryByName(treesOf(pids)).values()].reduce((sum, each) => sum + each, 0);
}

/** CPU of these trees while nothing is asked of them, as a share of one core. */
export async function idleCpu(pids: readonly number[], forMs: number): Promise<number> {
  const used = () => [...cpuByName(treesOf(pids)).values()].reduce((sum, each) => sum + each, 0);
  const [before, started] = [used(), performance.now()];
  await sleep(forMs);
  return (used() - before) / (performance.now() - started);
}
