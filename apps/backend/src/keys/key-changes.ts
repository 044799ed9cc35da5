import { randomUUID } from 'node:crypto';
import { Socket } from 'node:net';
import type { Clock, Logger } from '@longshore/runtime';
import pg from 'pg';
import type { Database } from '../store/database.ts';

/**
 * Word of changed keys from all backends. What was learnt of a key may be believed for as long as `generation` stays
 * the same and `isCurrent` holds.
 */
export interface KeyChanges {
  /** Another number after each change of any key, and whenever one may have been missed. */
  generation(): number;
  /** Whether every change that is older than {@link TRUST_MS} has been heard of. False while nobody listens. */
  isCurrent(): boolean;
  /** Listens until stopped; reconnects by itself. Resolves when it has ended. */
  stop(): Promise<void>;
}

/** A notification that came round proves that all earlier ones came: it proves so for this long. */
const TRUST_MS = 3_000;
const PROBE_EVERY_MS = 1_000;
const PROBE_TIMEOUT_MS = 2_000;
const RETRY_MS = 1_000;

export interface KeyChangesDependencies {
  readonly databaseUrl: string;
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface State {
  generation: number;
  /** When the last probe that came back was sent. */
  provenAt: number;
}

/**
 * One connection listens to what the trigger on the keys says. A connection can be dead without anybody being told, and
 * a pooler may swallow notifications; so once a second another connection sends a probe, and only its return proves
 * that word arrives.
 */
export function createKeyChanges(dependencies: KeyChangesDependencies): KeyChanges {
  const { clock } = dependencies;
  const state: State = { generation: 0, provenAt: -Infinity };
  const stopping = new AbortController();
  const ended = listenAgainAndAgain(dependencies, state, stopping.signal);
  return {
    generation: () => state.generation,
    isCurrent: () => clock.monotonic() - state.provenAt < TRUST_MS,
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

async function listenAgainAndAgain(
  dependencies: KeyChangesDependencies,
  state: State,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger } = dependencies;
  let complained = false;
  while (!signal.aborted) {
    try {
      await listenOnce(dependencies, state, signal);
      complained = false;
    } catch (error) {
      const wasProven = state.provenAt !== -Infinity;
      if (!signal.aborted && (wasProven || !complained)) {
        logger.warn('No word of changed keys: each call asks the database until there is', { error });
        complained = true;
      }
    }
    // Whatever changed from here on is not heard of.
    state.provenAt = -Infinity;
    state.generation += 1;
    await clock.sleep(RETRY_MS, signal).catch(() => undefined);
  }
}

/** Listens on one connection until it is lost or the signal fires; throws in either case. */
async function listenOnce(
  { databaseUrl, database, clock }: KeyChangesDependencies,
  state: State,
  signal: AbortSignal,
): Promise<never> {
  const line = openLine(databaseUrl);
  const alive = AbortSignal.any([signal, line.lost]);
  const soon = () => AbortSignal.any([alive, AbortSignal.timeout(PROBE_TIMEOUT_MS)]);
  const probes = new Map<string, () => void>();
  line.client.on('notification', ({ channel, payload = '' }) => {
    if (channel === 'longshore_keys') state.generation += 1;
    else probes.get(payload)?.();
  });
  try {
    await unless(soon(), listen(line.client));
    // What was learnt before there was anybody to listen may have changed unheard.
    state.generation += 1;
    for (;;) {
      const sentAt = clock.monotonic();
      await unless(soon(), probe(database, probes));
      state.provenAt = sentAt;
      await clock.sleep(PROBE_EVERY_MS, alive);
    }
  } finally {
    line.close();
  }
}

/** A connection of its own, with the socket in hand: a dead one cannot be closed by asking the other side. */
function openLine(databaseUrl: string) {
  const socket = new Socket();
  const lost = new AbortController();
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'longshore-backend-keys',
    keepAlive: true,
    stream: () => socket,
  });
  client.on('error', (error) => lost.abort(error));
  client.on('end', () => lost.abort(new Error('The database closed the connection')));
  return { client, lost: lost.signal, close: () => void socket.destroy() };
}

async function listen(client: pg.Client): Promise<void> {
  await client.connect();
  await client.query('listen longshore_keys');
  await client.query('listen longshore_key_probes');
}

/** Resolves when a notification that was sent through another connection has come round. */
async function probe(database: Database, probes: Map<string, () => void>): Promise<void> {
  const name = randomUUID();
  const { promise, resolve } = Promise.withResolvers<void>();
  probes.set(name, resolve);
  try {
    await database.query(`select pg_notify('longshore_key_probes', $1)`, [name]);
    await promise;
  } finally {
    probes.delete(name);
  }
}

/** Settles as the promise does, or rejects with the signal's reason when that comes first. */
async function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
