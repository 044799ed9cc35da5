import type { Clock, Logger } from '@longshore/runtime';
import { createLimitWakes, type LimitOutlook } from '../limits/limit-wakes.ts';
import type { Database } from '../store/database.ts';
import { capacityOf, type LedPool, type Pools } from './pools.ts';
import { publishDispatches, publishLimitedDispatches } from './publish-statements.ts';
import type { TaskCatalogue } from './task-catalogue.ts';
import { takeTurns, turnsAsParameters, type PublishedTurns } from './turns.ts';

/** A dispatch that was marked published and is now to be handed to the broker. */
export interface MarkedDispatch {
  readonly id: string;
  readonly run_ids: string[];
  readonly publications: number;
}

export interface PumpDependencies {
  readonly database: Database;
  readonly pools: Pools;
  readonly catalogue: Pick<TaskCatalogue, 'averageMs'>;
  readonly backendId: string;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly publicationTimeoutMs: number;
  readonly send: (pool: string, dispatches: readonly MarkedDispatch[]) => void;
}

/** Moves what waits in the database to the broker, pool by pool; never two passes over one pool at once. */
export interface Pump {
  pump(pool: string): void;
  /** The passes under way. */
  underWay(): Promise<void>[];
  stop(): void;
}

/**
 * While more waits than there is room for, a pass follows the last one after this pause: what became free meanwhile is filled
 * by one statement instead of many. Slots do not idle for it, since each has a message waiting in the broker.
 */
const BACKLOG_PAUSE_MS = 5;

/** What limits let pass now is looked for again after this pause: what came free meanwhile is found together. */
const LIMITS_PAUSE_MS = 10;

interface PublishedRow {
  /** Negative: this backend does not lead the pool any more. */
  room: number;
  published: (MarkedDispatch & PublishedTurns)[];
  /** More may wait than was looked at, whatever room is left. */
  more: boolean;
  /** Only of a pool with tasks that have limits. */
  outlook?: LimitOutlook;
}

const NO_LIMITS: LimitOutlook = { waiting: false, wake_ms: null };

export function createPump(dependencies: PumpDependencies): Pump {
  const { pools, logger, clock, send } = dependencies;
  const passes = new Map<string, Promise<void>>();
  const wanted = new Set<string>();
  const wakes = createLimitWakes((pool) => pump(pool));
  let stopped = false;

  function pump(name: string): void {
    if (stopped) return;
    wanted.add(name);
    if (passes.has(name)) return;
    const pass = passWhileWanted(name)
      .catch((error: unknown) =>
        logger.error('Publishing failed; tried again within a second', { pool: name, error }),
      )
      .finally(() => passes.delete(name));
    passes.set(name, pass);
  }

  async function passWhileWanted(name: string): Promise<void> {
    while (wanted.delete(name) && !stopped) {
      const pool = pools.get(name);
      if (pool === undefined) continue;
      const { full, more, open } = await publishWaiting(pool);
      if (more || open) wanted.add(name);
      if (full || more || open) await clock.sleep(open ? LIMITS_PAUSE_MS : BACKLOG_PAUSE_MS);
    }
  }

  async function publishWaiting(pool: LedPool): Promise<{ full: boolean; more: boolean; open: boolean }> {
    const before = pool.outstanding;
    const { room, published, more, outlook } = await publishNext(pool, dependencies);
    if (room < 0) return { full: false, more: false, open: false };
    const meanwhile = pool.outstanding - before;
    pool.outstanding = Math.max(0, capacityOf(pool) - room + published.length + meanwhile);
    const full = published.length >= room;
    // A pass that is wanted already was asked for by something that this one may not have seen.
    pool.backlog = full || more || wanted.has(pool.pool);
    takeTurns(pool.turns, published, { goOn: pool.backlog });
    if (published.length > 0) send(pool.pool, published);
    return { full, more: more && !full, open: lookAhead(pool, outlook) && !full };
  }

  /** Answers whether limits are worth another look at once. */
  function lookAhead(pool: LedPool, { waiting, wake_ms: wakeMs }: LimitOutlook = NO_LIMITS): boolean {
    pool.limitsWait = waiting || wanted.has(pool.pool);
    const isOpen = wakeMs !== null && wakeMs <= 0;
    if (!stopped) wakes.set(pool.pool, isOpen ? null : wakeMs);
    return isOpen;
  }

  return {
    pump,
    underWay: () => [...passes.values()],
    stop() {
      stopped = true;
      wakes.stop();
    },
  };
}

async function publishNext(pool: LedPool, dependencies: PumpDependencies): Promise<PublishedRow> {
  const { database, catalogue, backendId, publicationTimeoutMs } = dependencies;
  const averages = [...pool.tasks].map((task) => [task, catalogue.averageMs(task) ?? 0]);
  const { from, taken } = turnsAsParameters(pool.turns);
  const { limited } = pool;
  const statement = limited.length === 0 ? publishDispatches : publishLimitedDispatches;
  const [row] = await database.hot<PublishedRow>(statement, [
    pool.pool,
    pool.queues,
    JSON.stringify(Object.fromEntries(averages)),
    capacityOf(pool),
    backendId,
    pool.term,
    taken,
    publicationTimeoutMs,
    from,
    pool.turns.sinceRescue,
    ...(limited.length === 0 ? [] : [limited]),
  ]);
  return row!;
}
