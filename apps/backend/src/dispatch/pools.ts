import type { Database } from '../store/database.ts';
import { leadPools, lookForDispatches } from './publish-statements.ts';
import { noTurns, type Turns } from './turns.ts';

/** A pool whose lease this backend holds, with what is known of it between two looks into the database. */
export interface LedPool {
  readonly pool: string;
  term: string;
  queues: readonly string[];
  tasks: ReadonlySet<string>;
  /** Those of its tasks that have limits. */
  limited: readonly string[];
  slots: number;
  /** Dispatches out at workers or in the broker, as far as this backend knows: counted again at least each second while there are any. */
  outstanding: number;
  /** Room set aside for statements under way that may write dispatches as already published. */
  reserved: number;
  /** True while something may wait for this pool in the database: then nothing overtakes it. */
  backlog: boolean;
  /** True while something that it could take may wait for a limit: it is looked at when a permit may have come back. */
  limitsWait: boolean;
  /** Whose turn it is. */
  readonly turns: Turns;
}

/** A lease is taken over by another backend when it was not renewed for this long. */
const LEASE_MS = 5_000;
/** Per slot: one dispatch that executes and one that waits in the broker, so that no slot idles between two. */
const DISPATCHES_PER_SLOT = 2;

/** The most dispatches that may be out at once for a pool: the broker stays shallow. */
export function capacityOf(pool: LedPool): number {
  return pool.slots * DISPATCHES_PER_SLOT;
}

/** How many more may be published for the pool where they are written. */
export function roomOf(pool: LedPool): number {
  return capacityOf(pool) - pool.outstanding - pool.reserved;
}

export interface Pools {
  led(): LedPool[];
  get(pool: string): LedPool | undefined;
  /** Pools led here for which something is out or may wait. Those with nothing to do are not in it. */
  busy(): LedPool[];
  /** True when some live pool, led here or elsewhere, serves the task on the queue. */
  isServed(task: string, queue: string): boolean;
  /** True when some live pool has the queue in its list. */
  servesQueue(queue: string): boolean;
  /** The live pools that serve the task on the queue and are not led here. */
  servedElsewhere(task: string, queue: string): string[];
  /** The other live pools that have one of these tasks in common with the pool, led here or elsewhere. */
  sharing(pool: string, tasks: ReadonlySet<string>): string[];
  /** Lets other backends take over at once. */
  release(): Promise<void>;
  /** Re-reads live sessions and whether there is anything to do, takes or renews leases. */
  refresh(): Promise<void>;
}

interface PoolRow {
  pool: string;
  queues: string[];
  tasks: string[];
  limited: string[];
  slots: number;
  /** Null: another backend leads it. */
  term: string | null;
}

type HeldPoolRow = PoolRow & { readonly term: string };

export interface PoolsDependencies {
  readonly database: Database;
  readonly backendId: string;
  readonly sessionTimeoutMs: number;
}

export function createPools({ database, backendId, sessionTimeoutMs }: PoolsDependencies): Pools {
  const led = new Map<string, LedPool>();
  let live: PoolRow[] = [];
  /** Something is out or waits, for whichever pool. */
  let isBusy = true;

  async function refresh(): Promise<void> {
    live = await database.hot<PoolRow>(leadPools, [sessionTimeoutMs, backendId, LEASE_MS]);
    const held = live.filter((row): row is HeldPoolRow => row.term !== null);
    const names = new Set(held.map(({ pool }) => pool));
    for (const name of led.keys()) if (!names.has(name)) led.delete(name);
    held.forEach(update);
    const [dispatches] = await database.hot<{ found: boolean }>(lookForDispatches, []);
    isBusy = dispatches!.found;
  }

  function update(row: HeldPoolRow): void {
    const known = led.get(row.pool);
    const current = known?.term === row.term ? known : newPool(row.pool, row.term);
    current.queues = row.queues;
    current.tasks = new Set(row.tasks);
    current.limited = row.limited.filter((task) => row.tasks.includes(task));
    current.slots = row.slots;
    led.set(row.pool, current);
  }

  return {
    led: () => [...led.values()],
    get: (pool) => led.get(pool),
    busy() {
      return [...led.values()].filter(
        (pool) => isBusy || pool.outstanding > 0 || pool.backlog || pool.limitsWait,
      );
    },
    isServed: (task, queue) => live.some((row) => row.queues.includes(queue) && row.tasks.includes(task)),
    servesQueue: (queue) => live.some((row) => row.queues.includes(queue)),
    servedElsewhere: (task, queue) =>
      live
        .filter((row) => !led.has(row.pool) && row.queues.includes(queue) && row.tasks.includes(task))
        .map((row) => row.pool),
    sharing(pool, tasks) {
      const own = live.find((row) => row.pool === pool)?.tasks.filter((task) => tasks.has(task)) ?? [];
      if (own.length === 0) return [];
      return live
        .filter((row) => row.pool !== pool && own.some((task) => row.tasks.includes(task)))
        .map((row) => row.pool);
    },
    refresh,
    async release() {
      led.clear();
      await database.query('update pool_leases set expires_at = now() where holder = $1', [backendId]);
    },
  };
}

function newPool(pool: string, term: string): LedPool {
  return {
    pool,
    term,
    queues: [],
    tasks: new Set(),
    limited: [],
    slots: 0,
    outstanding: 0,
    reserved: 0,
    backlog: true,
    limitsWait: true,
    turns: noTurns(),
  };
}
