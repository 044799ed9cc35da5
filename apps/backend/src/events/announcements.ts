import { randomUUID } from 'node:crypto';
import type { Logger } from '@longshore/runtime';
import { z } from 'zod';
import type { Database } from '../store/database.ts';
import type { Channel, Notifications } from './notifications.ts';
import { createOutbox } from './outbox.ts';

/** What happened here that concerns a pool which another backend leads. */
const poolNewsSchema = z.object({
  pool: z.string(),
  /** Dispatches that are out no more. */
  removed: z.number().int().min(0),
  /** Something waits for it in the database. */
  waiting: z.boolean(),
});
export type PoolNews = z.infer<typeof poolNewsSchema>;

const workSchema = z.object({
  from: z.string(),
  pools: z.array(poolNewsSchema),
  /** Leases that the sender held are free. */
  released: z.boolean(),
});
const endedSchema = z.object({ from: z.string(), executions: z.array(z.string()) });

/** Reactions to what other backends say. */
export interface Reactions {
  work(news: readonly PoolNews[]): void;
  /** Leases may be taken over. */
  released(): void;
  ended(executionIds: readonly string[]): void;
  /** Work may have been missed. */
  missed(): void;
}

/**
 * Tells other backends what they would otherwise find by asking: outside of the transaction that did the work, never more
 * than one call at a time for each subject, nothing at all while there is no other backend. Word may be lost; polls find
 * what it was about.
 */
export interface Announcements {
  work(news: readonly PoolNews[]): void;
  released(): void;
  ended(executionIds: readonly string[]): void;
  /** To be called once. */
  listen(reactions: Reactions): void;
  /** Resolves when everything was said. */
  said(): Promise<void>;
}

/** The most that one notification may hold is 8,000 bytes: this many ids, or pools with long names, are well below. */
const MOST_TOGETHER = 50;

export interface AnnouncementsDependencies {
  readonly database: Database;
  readonly notifications: Notifications;
  readonly logger: Logger;
}

export function createAnnouncements(dependencies: AnnouncementsDependencies): Announcements {
  const { notifications } = dependencies;
  const from = randomUUID();
  const send = (channel: Channel, messages: readonly object[]) =>
    notify(
      dependencies,
      channel,
      messages.map((message) => JSON.stringify({ from, ...message })),
    );

  const work = createOutbox<WorkItem>(async (items) => {
    const released = items.includes('released');
    const pools = merged(items.filter((item) => item !== 'released'));
    const messages = chunks(pools).map((part) => ({ pools: part, released: false }));
    await send('longshore_work', [...messages, ...(released ? [{ pools: [], released }] : [])]);
  });
  const ended = createOutbox<string>((ids) =>
    send(
      'longshore_ended',
      chunks(ids).map((executions) => ({ executions })),
    ),
  );
  const tell = <Item>(outbox: { add(items: readonly Item[]): void }, items: readonly Item[]) => {
    if (items.length > 0 && notifications.hasCompany()) outbox.add(items);
  };
  return {
    work: (news) => tell(work, news),
    released: () => tell(work, ['released']),
    ended: (ids) => tell(ended, ids),
    listen: (reactions) => listenTo(notifications, from, reactions),
    said: async () => void (await Promise.all([work.empty(), ended.empty()])),
  };
}

type WorkItem = PoolNews | 'released';

function listenTo(notifications: Notifications, self: string, reactions: Reactions): void {
  notifications.on('longshore_work', {
    heard(payload) {
      const word = understood(workSchema, payload);
      if (word === null || word.from === self) return;
      if (word.released) reactions.released();
      reactions.work(word.pools);
    },
    missed: () => reactions.missed(),
  });
  notifications.on('longshore_ended', {
    heard(payload) {
      const word = understood(endedSchema, payload);
      if (word !== null && word.from !== self) reactions.ended(word.executions);
    },
    // The poll that looks for ended executions is the same second's.
    missed: () => undefined,
  });
}

/** Null for what another release says in other words: polls are there for it. */
function understood<T>(schema: z.ZodType<T>, payload: string): T | null {
  try {
    return schema.safeParse(JSON.parse(payload)).data ?? null;
  } catch {
    return null;
  }
}

async function notify(
  { database, logger }: AnnouncementsDependencies,
  channel: Channel,
  payloads: readonly string[],
): Promise<void> {
  try {
    await database.hot(announce, [channel, payloads]);
  } catch (error) {
    logger.warn('Other backends could not be told; they find out by asking', { channel, error });
  }
}

const announce = { name: 'announce', text: 'select pg_notify($1, p) from unnest($2::text[]) as p' };

/** One entry for each pool. */
function merged(news: readonly PoolNews[]): PoolNews[] {
  const byPool = new Map<string, PoolNews>();
  for (const { pool, removed, waiting } of news) {
    const known = byPool.get(pool);
    byPool.set(pool, {
      pool,
      removed: removed + (known?.removed ?? 0),
      waiting: waiting || (known?.waiting ?? false),
    });
  }
  return [...byPool.values()];
}

function chunks<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / MOST_TOGETHER) }, (_, chunk) =>
    items.slice(chunk * MOST_TOGETHER, (chunk + 1) * MOST_TOGETHER),
  );
}
