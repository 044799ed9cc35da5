import { uuidV7 } from '@longshore/runtime';
import { parcelSize, splitIntoParcels } from './parcels.ts';
import { roomOf, type LedPool, type Pools } from './pools.ts';
import type { TaskCatalogue } from './task-catalogue.ts';

/** Into which pool a dispatch may be written as already published, and the term in which that holds. */
export interface Target {
  readonly pool: string;
  readonly term: string;
}

/** Room set aside for what a statement may publish at once. `release` gives it back once the statement answered. */
interface Reservation {
  readonly release: () => void;
}

/** What a batch of ends needs: nobody knows yet which tasks it makes ready. */
export interface FollowUpPlan extends Reservation {
  readonly parcelSizes: Record<string, number>;
  /** By task and queue. */
  readonly targets: Record<string, Record<string, Target>>;
}

/** Parcels for runs that are about to be written. */
export interface ParcelPlan extends Reservation {
  /** The dispatch of each run, in order. */
  readonly dispatchIds: string[];
  /** By dispatch id. */
  readonly targets: Record<string, Target>;
}

export interface Kind {
  readonly task: string;
  readonly queue: string;
  /** Where a batch holds runs of several: a parcel belongs to one. */
  readonly organisationId?: string;
}

/**
 * Plans what is published in the very statement that writes it: only into pools led here, while nothing waits ahead
 * and there is room. Everything else waits its turn in the database, and what has limits for their leave.
 */
export function planFollowUps(pools: Pools, catalogue: TaskCatalogue, ends: number): FollowUpPlan {
  const open = pools.led().filter((pool) => isOpen(pool, ends));
  const targets: Record<string, Record<string, Target>> = {};
  for (const { pool, term, tasks, queues } of open)
    for (const task of tasks)
      if (!catalogue.limited().has(task))
        for (const queue of queues) (targets[task] ??= {})[queue] ??= { pool, term };
  const sizes = [...catalogue.averages()].map(([task, average]) => [
    task,
    catalogue.limited().has(task) ? 1 : parcelSize(average),
  ]);
  return {
    targets,
    parcelSizes: Object.fromEntries(sizes) as Record<string, number>,
    release: reserve(new Map(open.map((pool) => [pool, ends]))),
  };
}

export function planParcels(pools: Pools, catalogue: TaskCatalogue, runs: readonly Kind[]): ParcelPlan {
  const dispatchIds: string[] = [];
  const targets: Record<string, Target> = {};
  const reserved = new Map<LedPool, number>();
  for (const { kind, indexes } of groupByKind(runs)) {
    const serving = pools
      .led()
      .filter((pool) => pool.tasks.has(kind.task) && pool.queues.includes(kind.queue));
    const isLimited = catalogue.limited().has(kind.task);
    const numbers = isLimited
      ? [...indexes.keys()]
      : splitIntoParcels(indexes.length, catalogue.averageMs(kind.task), freeSlots(serving));
    const ids = Array.from({ length: numbers.at(-1)! + 1 }, () => uuidV7()).sort();
    indexes.forEach((run, index) => (dispatchIds[run] = ids[numbers[index]!]!));
    if (isLimited) continue;
    const pool = serving.find((each) => isOpen(each, ids.length + (reserved.get(each) ?? 0)));
    if (pool === undefined) continue;
    for (const id of ids) targets[id] = { pool: pool.pool, term: pool.term };
    reserved.set(pool, (reserved.get(pool) ?? 0) + ids.length);
  }
  return { dispatchIds, targets, release: reserve(reserved) };
}

function isOpen(pool: LedPool, parcels: number): boolean {
  return !pool.backlog && roomOf(pool) >= parcels;
}

function freeSlots(pools: readonly LedPool[]): number {
  return pools.reduce((sum, pool) => sum + Math.max(0, pool.slots - pool.outstanding - pool.reserved), 0);
}

function reserve(counts: ReadonlyMap<LedPool, number>): () => void {
  for (const [pool, count] of counts) pool.reserved += count;
  return () => {
    for (const [pool, count] of counts) pool.reserved -= count;
  };
}

function groupByKind(runs: readonly Kind[]): { kind: Kind; indexes: number[] }[] {
  const groups = new Map<string, { kind: Kind; indexes: number[] }>();
  runs.forEach((kind, index) => {
    const name = `${kind.task}\n${kind.queue}\n${kind.organisationId}`;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, { kind, indexes: [index] });
    else group.indexes.push(index);
  });
  return [...groups.values()];
}
