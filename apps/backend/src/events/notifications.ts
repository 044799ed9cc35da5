import { randomUUID } from 'node:crypto';
import type { Clock, Logger } from '@longshore/runtime';
import type { Database } from '../store/database.ts';
import { openLine, unless, type Line } from './line.ts';

/** What is listened to: changed keys (said by a trigger), work for other backends, ended executions, changed schedules. */
const channels = ['longshore_keys', 'longshore_work', 'longshore_ended', 'longshore_schedules'] as const;
export type Channel = (typeof channels)[number];
/** Proof that word arrives, and by it that this backend is there. */
const PROBES = 'longshore_probes';

export interface Listener {
  heard(payload: string): void;
  /** Word may have been missed: told when listening ends and when it begins again. */
  missed(): void;
}

/** Word from the database and from other backends, on one connection. It may be lost: whoever depends on it asks now and then. */
export interface Notifications {
  on(channel: Channel, listener: Listener): void;
  /** Whether everything that is older than {@link TRUST_MS} has been heard of. False while nobody listens. */
  isCurrent(): boolean;
  /** Whether another backend may be there to be told anything. True in doubt. */
  hasCompany(): boolean;
  /** Listens until stopped; reconnects by itself. Resolves when it has ended. */
  stop(): Promise<void>;
}

/** A notification that came round proves that all earlier ones came: it proves so for this long. */
const TRUST_MS = 3_000;
const PROBE_EVERY_MS = 1_000;
const PROBE_TIMEOUT_MS = 2_000;
const RETRY_MS = 1_000;
/** Backends probe every second; one that was not heard of for this long is gone. */
const COMPANY_MS = 5_000;

export interface NotificationsDependencies {
  readonly databaseUrl: string;
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface State {
  readonly self: string;
  readonly listeners: Map<string, Listener[]>;
  /** When the last probe that came back was sent. */
  provenAt: number;
  /** When another backend was last heard of, or there was nobody to hear it. */
  companyAt: number;
}

/**
 * One connection listens to all there is to hear. A connection can be dead without anybody being told, and a pooler may
 * swallow notifications; so once a second another connection sends a probe, and only its return proves that word arrives.
 */
export function createNotifications(dependencies: NotificationsDependencies): Notifications {
  const { clock } = dependencies;
  const state: State = {
    self: randomUUID(),
    listeners: new Map(),
    provenAt: -Infinity,
    companyAt: clock.monotonic(),
  };
  const stopping = new AbortController();
  const ended = listenAgainAndAgain(dependencies, state, stopping.signal);
  const isCurrent = () => clock.monotonic() - state.provenAt < TRUST_MS;
  return {
    on: (channel, listener) =>
      void state.listeners.set(channel, [...(state.listeners.get(channel) ?? []), listener]),
    isCurrent,
    hasCompany: () => !isCurrent() || clock.monotonic() - state.companyAt < COMPANY_MS,
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

async function listenAgainAndAgain(
  dependencies: NotificationsDependencies,
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
        logger.warn('No word from the database: it is asked again and again until there is', { error });
        complained = true;
      }
    }
    // Whatever happens from here on is not heard of.
    state.provenAt = -Infinity;
    tellMissed(state);
    await clock.sleep(RETRY_MS, signal).catch(() => undefined);
  }
}

/** Listens on one connection until it is lost or the signal fires; throws in either case. */
async function listenOnce(
  { databaseUrl, database, clock }: NotificationsDependencies,
  state: State,
  signal: AbortSignal,
): Promise<never> {
  const line = openLine(databaseUrl);
  const alive = AbortSignal.any([signal, line.lost]);
  const soon = () => AbortSignal.any([alive, AbortSignal.timeout(PROBE_TIMEOUT_MS)]);
  const probes = new Map<string, () => void>();
  line.client.on('notification', ({ channel, payload = '' }) => {
    if (channel !== PROBES) for (const { heard } of state.listeners.get(channel) ?? []) heard(payload);
    else if (payload.startsWith(state.self)) probes.get(payload)?.();
    else state.companyAt = clock.monotonic();
  });
  try {
    await unless(soon(), listen(line));
    // Whoever is there is heard of within a second; until then it is not known that there is nobody.
    state.companyAt = clock.monotonic();
    tellMissed(state);
    for (;;) {
      const sentAt = clock.monotonic();
      await unless(soon(), probe(database, `${state.self} ${randomUUID()}`, probes));
      state.provenAt = sentAt;
      await clock.sleep(PROBE_EVERY_MS, alive);
    }
  } finally {
    line.close();
  }
}

function tellMissed({ listeners }: State): void {
  for (const { missed } of [...listeners.values()].flat()) missed();
}

async function listen({ client }: Line): Promise<void> {
  await client.connect();
  for (const channel of [...channels, PROBES]) await client.query(`listen ${channel}`);
}

/** Resolves when a notification that was sent through another connection has come round. */
async function probe(database: Database, name: string, probes: Map<string, () => void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  probes.set(name, resolve);
  try {
    await database.query(`select pg_notify('${PROBES}', $1)`, [name]);
    await promise;
  } finally {
    probes.delete(name);
  }
}
