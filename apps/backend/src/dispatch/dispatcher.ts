import type { Publisher } from '@longshore/broker';
import type { Clock, Logger } from '@longshore/runtime';
import type { PoolNews } from '../events/announcements.ts';
import type { Database } from '../store/database.ts';
import type { Pools } from './pools.ts';
import {
  planFollowUps,
  planParcels,
  type FollowUpPlan,
  type Kind,
  type ParcelPlan,
} from './publication-plan.ts';
import { createPump, type MarkedDispatch } from './pump.ts';
import type { TaskCatalogue } from './task-catalogue.ts';

/** A dispatch as a statement wrote it; `pool` is set when it was written as already published. */
export interface WrittenDispatch {
  readonly id: string;
  readonly pool: string | null;
  readonly queue: string;
  readonly task: string;
  readonly run_ids: string[];
  readonly ready: boolean;
}

/** Publishes for the pools whose lease this backend holds. */
export interface Dispatcher {
  /** How long a publication may stay unclaimed before the broker is asked about it. */
  readonly publicationTimeoutMs: number;
  /** Parcel sizes and publication targets by task, for what a batch of ends makes ready. */
  planFollowUps(ends: number): FollowUpPlan;
  /** Parcels for runs that are about to be written, and their publication targets by dispatch id. */
  planParcels(runs: readonly Kind[]): ParcelPlan;
  /** To be called after each commit: sends what was written as published, and looks for room for the rest. */
  committed(written: readonly WrittenDispatch[], removed: Readonly<Record<string, number>>): void;
  /** To be called with what another backend committed. */
  heard(news: readonly PoolNews[]): void;
  /** Publishes what waits for any pool led here. */
  pumpAll(): void;
  /** The same as far as the last look at the pools found anything to do. */
  pumpBusy(): void;
  /** Resolves when what is on its way to the broker now is there, or was not taken. */
  sent(): Promise<unknown>;
  /** Resolves when everything that was to be published has been handed to the broker. */
  idle(): Promise<void>;
  /** Like {@link idle}; further pumps do nothing. */
  stop(): Promise<void>;
}

export interface DispatcherDependencies {
  readonly database: Database;
  readonly publisher: Publisher;
  readonly pools: Pools;
  readonly catalogue: TaskCatalogue;
  readonly backendId: string;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly publicationTimeoutMs: number;
  /** Told of what concerns pools that are not led here. */
  readonly tellOthers: (news: readonly PoolNews[]) => void;
}

/** Job ids differ by publication, since adding a job whose id still exists does nothing. */
export function brokerJobId(dispatchId: string, publications: number): string {
  return `${dispatchId}-${publications}`;
}

export function createDispatcher(dependencies: DispatcherDependencies): Dispatcher {
  const { pools, catalogue, publicationTimeoutMs, tellOthers } = dependencies;
  const sender = createSender(dependencies);
  const { pump, underWay, stop } = createPump({ ...dependencies, send: sender.send });

  async function idle(): Promise<void> {
    for (let pending = underWay(); pending.length + sender.underWay().length > 0; pending = underWay()) {
      await Promise.all([...pending, ...sender.underWay()]);
    }
  }

  return {
    publicationTimeoutMs,
    planFollowUps: (ends) => planFollowUps(pools, catalogue, ends),
    planParcels: (runs) => planParcels(pools, catalogue, runs),
    committed(written, removed) {
      const freed = freedLimits(pools, catalogue, removed);
      const touched = new Set([
        ...noteRemoved(pools, removed),
        ...noteWaiting(pools, catalogue, written),
        ...freed,
      ]);
      for (const [pool, dispatches] of publishedByPool(written)) {
        const led = pools.get(pool);
        if (led !== undefined) led.outstanding += dispatches.length;
        sender.send(pool, dispatches);
      }
      for (const pool of touched) pump(pool);
      tellOthers(newsForOthers(pools, written, { removed, freed }));
    },
    heard(news) {
      const removals = Object.fromEntries(news.map(({ pool, removed }) => [pool, removed]));
      const waiting = news.flatMap((each) => (each.waiting ? (pools.get(each.pool) ?? []) : []));
      for (const pool of waiting) pool.backlog = true;
      const touched = new Set([...noteRemoved(pools, removals), ...waiting.map(({ pool }) => pool)]);
      for (const pool of touched) pump(pool);
    },
    pumpAll() {
      for (const { pool } of pools.led()) pump(pool);
    },
    pumpBusy() {
      for (const { pool } of pools.busy()) pump(pool);
    },
    sent: () => Promise.all(sender.underWay()),
    idle,
    async stop() {
      stop();
      await idle();
    },
  };
}

/** Hands messages to the broker. What it does not take is found and published again by the reconciler. */
function createSender({ publisher, logger }: DispatcherDependencies) {
  const sending = new Set<Promise<void>>();
  return {
    underWay: () => [...sending],
    send(pool: string, dispatches: readonly MarkedDispatch[]): void {
      const messages = dispatches.map(({ id, run_ids, publications }) => ({
        id: brokerJobId(id, publications),
        message: { dispatch_id: id, run_ids },
      }));
      const sent = publisher
        .publish(pool, messages)
        .catch((error: unknown) =>
          logger.warn('The broker took no messages', { pool, count: messages.length, error }),
        )
        .finally(() => sending.delete(sent));
      sending.add(sent);
    },
  };
}

/** Lowers what is out by what was removed; answers the pools in which something waits for that room. */
function noteRemoved(pools: Pools, removed: Readonly<Record<string, number>>): string[] {
  return Object.entries(removed).flatMap(([name, count]) => {
    const pool = pools.get(name);
    if (pool === undefined) return [];
    pool.outstanding = Math.max(0, pool.outstanding - count);
    return pool.backlog || pool.limitsWait ? [name] : [];
  });
}

/** The pools that share a limit with those in which something ended. */
function freedLimits(
  pools: Pools,
  catalogue: TaskCatalogue,
  removed: Readonly<Record<string, number>>,
): string[] {
  const limited = catalogue.limited();
  if (limited.size === 0) return [];
  const sharing = new Set(Object.keys(removed).flatMap((pool) => pools.sharing(pool, limited)));
  return [...sharing].filter((pool) => pools.get(pool)?.limitsWait !== false);
}

/** From now on nothing overtakes what was written without being published; answers the pools that serve it. */
function noteWaiting(pools: Pools, catalogue: TaskCatalogue, written: readonly WrittenDispatch[]): string[] {
  const waiting = written.filter((dispatch) => dispatch.pool === null && dispatch.ready);
  const touched = new Set<string>();
  for (const pool of waiting.length === 0 ? [] : pools.led()) {
    for (const { task, queue } of waiting) {
      if (!pool.tasks.has(task) || !pool.queues.includes(queue)) continue;
      touched.add(pool.pool);
      // What waits for a limit does not keep others from being published where they are written.
      if (catalogue.limited().has(task)) pool.limitsWait = true;
      else pool.backlog = true;
    }
  }
  return [...touched];
}

/** Room that came about in pools which are led elsewhere, and what waits for them. */
function newsForOthers(
  pools: Pools,
  written: readonly WrittenDispatch[],
  { removed, freed }: { removed: Readonly<Record<string, number>>; freed: readonly string[] },
): PoolNews[] {
  const room = Object.entries(removed)
    .filter(([pool]) => pools.get(pool) === undefined)
    .map(([pool, count]) => ({ pool, removed: count, waiting: false }));
  const waiting = written
    .filter((dispatch) => dispatch.pool === null && dispatch.ready)
    .flatMap(({ task, queue }) => pools.servedElsewhere(task, queue));
  const wakeful = [...waiting, ...freed.filter((pool) => pools.get(pool) === undefined)];
  return [...room, ...wakeful.map((pool) => ({ pool, removed: 0, waiting: true }))];
}

function publishedByPool(written: readonly WrittenDispatch[]): Map<string, MarkedDispatch[]> {
  const byPool = new Map<string, MarkedDispatch[]>();
  for (const { id, pool, run_ids } of written) {
    if (pool === null) continue;
    const marked = { id, run_ids, publications: 1 };
    byPool.set(pool, [...(byPool.get(pool) ?? []), marked]);
  }
  return byPool;
}
