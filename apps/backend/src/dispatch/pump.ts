import type { Clock, Logger } from '@longshore/runtime';
import type { Database } from '../store/database.ts';
import { capacityOf, type LedPool, type Pools } from './pools.ts';
import { publishDispatches } from './publish-statements.ts';

/** A dispatch that was marked published and is now to be handed to the broker. */
export interface MarkedDispatch {
  readonly id: string;
  readonly run_ids: string[];
  readonly publications: number;
}

export interface PumpDependencies {
  readonly database: Database;
  readonly pools: Pools;
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

interface PublishedRow {
  room: number;
  published: (MarkedDispatch & Turn)[];
}

/** What a publication costs its organisation: the heavier its weight, the less. */
interface Turn {
  organisation_id: string;
  share: number;
}

export function createPump({
  database,
  pools,
  backendId,
  logger,
  clock,
  publicationTimeoutMs,
  send,
}: PumpDependencies): Pump {
  const passes = new Map<string, Promise<void>>();
  const wanted = new Set<string>();
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
      await publishWaiting(pool);
      if (pool.backlog) await clock.sleep(BACKLOG_PAUSE_MS);
    }
  }

  async function publishWaiting(pool: LedPool): Promise<void> {
    const before = pool.outstanding;
    const [row] = await database.hot<PublishedRow>(publishDispatches, [
      pool.pool,
      pool.queues,
      [...pool.tasks],
      capacityOf(pool),
      backendId,
      pool.term,
      JSON.stringify(Object.fromEntries(pool.turns)),
      publicationTimeoutMs,
      pool.virtualTime,
    ]);
    const { room, published } = row!;
    if (room < 0) return;
    const meanwhile = pool.outstanding - before;
    pool.outstanding = Math.max(0, capacityOf(pool) - room + published.length + meanwhile);
    pool.backlog = published.length >= room;
    takeTurns(pool, published);
    if (published.length > 0) send(pool.pool, published);
  }

  return {
    pump,
    underWay: () => [...passes.values()],
    stop() {
      stopped = true;
    },
  };
}

/** Start-time fair queueing: a turn begins at the organisation's own time or the pool's, whichever is later. */
function takeTurns(pool: LedPool, published: readonly Turn[]): void {
  for (const { organisation_id, share } of published) {
    const start = Math.max(pool.turns.get(organisation_id) ?? 0, pool.virtualTime);
    pool.turns.set(organisation_id, start + share);
    pool.virtualTime = start;
  }
  if (!pool.backlog) pool.turns.clear();
}
