import { uuidV7, type Logger } from '@longshore/runtime';
import type { Database } from '../store/database.ts';
import { tellOf, type AuditEntry } from './audit-log.ts';

/** An event that strangers can repeat at will. */
export interface CountedEntry extends AuditEntry {
  /** Events of one group within a minute are one line. */
  readonly group: readonly (string | null)[];
  /** Name of the organisation that it is about, where its id is not known. */
  readonly organisation: string | null;
}

export interface CountedEvents {
  /** Takes note of it; written by the next flush. */
  note(entry: CountedEntry): void;
  /** Writes what is new or was counted on since the last time. */
  flush(): Promise<void>;
}

interface Counted {
  readonly id: string;
  readonly entry: CountedEntry;
  readonly firstAt: number;
  lastAt: number;
  count: number;
  written: number;
}

const WINDOW_MS = 60_000;
/**
 * Groups of strangers counted at one time, and of those who showed a good key; what comes past that shares one line. So
 * an attack writes this many lines a minute, and does not hide what the others do.
 */
const MAX_GROUPS = 200;

export interface CountedEventsDependencies {
  readonly database: Database;
  readonly logger: Logger;
  readonly monotonicMs: () => number;
}

/** Counts in memory, so that whoever asks a million times writes a line a minute and not a million. */
export function createCountedEvents(dependencies: CountedEventsDependencies): CountedEvents {
  const { database, logger, monotonicMs } = dependencies;
  const groups = new Map<string, Counted>();

  function countedOf(entry: CountedEntry, now: number): Counted {
    const isStranger = entry.actor.keyId === null;
    const known = groups.get(nameOf(entry));
    if (known !== undefined) return known;
    const others = [...groups.values()].filter(
      ({ entry: { actor } }) => (actor.keyId === null) === isStranger,
    );
    if (others.length < MAX_GROUPS) return begin(nameOf(entry), entry, now);
    return groups.get(`${MANY} ${isStranger}`) ?? begin(`${MANY} ${isStranger}`, withoutParty(entry), now);
  }

  function begin(name: string, entry: CountedEntry, now: number): Counted {
    const fresh = { id: uuidV7(), entry, firstAt: now, lastAt: now, count: 0, written: 0 };
    groups.set(name, fresh);
    return fresh;
  }

  function settle(now: number): void {
    for (const [name, { firstAt, count, written }] of groups) {
      if (count === written && now - firstAt >= WINDOW_MS) groups.delete(name);
    }
  }

  return {
    note(entry) {
      const now = monotonicMs();
      const counted = countedOf(entry, now);
      counted.count += 1;
      counted.lastAt = now;
    },
    async flush() {
      const now = monotonicMs();
      const news = [...groups.values()].filter(({ count, written }) => count > written);
      if (news.length > 0) {
        const counts = news.map(({ count }) => count);
        await database.query(writeCounted, [JSON.stringify(news.map((counted) => rowOf(counted, now)))]);
        news.forEach((counted, index) => {
          if (counted.written === 0) tellOf(logger, counted.entry);
          counted.written = counts[index]!;
        });
      }
      settle(now);
    },
  };
}

const MANY = 'more than can be told apart';

function nameOf({ group }: CountedEntry): string {
  return JSON.stringify(group);
}

function withoutParty(entry: CountedEntry): CountedEntry {
  return {
    ...entry,
    actor: { ...entry.actor, keyId: null, keyName: null },
    address: null,
    requestId: null,
    organisationId: null,
    organisation: null,
    target: null,
    detail: { note: MANY },
  };
}

/** Seconds are the database's: it is told how long ago each was. */
function rowOf({ id, entry, count, firstAt, lastAt }: Counted, now: number) {
  return {
    id,
    first_ms_ago: now - firstAt,
    last_ms_ago: now - lastAt,
    count,
    actor_kind: entry.actor.kind,
    key_id: entry.actor.keyId,
    key_name: entry.actor.keyName,
    address: entry.address,
    request_id: entry.requestId,
    action: entry.action,
    outcome: entry.outcome,
    organisation_id: entry.organisationId,
    organisation: entry.organisation,
    target: entry.target,
    detail: entry.detail,
  };
}

/** $1 rows. A line that is there already is counted on. */
const writeCounted = `
insert into audit_events (id, at, last_at, count, actor_kind, key_id, key_name, address, request_id, action, outcome,
                          organisation_id, target, detail)
select e.id, now() - e.first_ms_ago * interval '1 ms', now() - e.last_ms_ago * interval '1 ms', e.count, e.actor_kind,
       e.key_id, e.key_name, e.address, e.request_id, e.action, e.outcome,
       coalesce(e.organisation_id, (select o.id from organisations o where o.name = e.organisation)), e.target, e.detail
  from jsonb_to_recordset($1::jsonb) as e (
    id uuid, first_ms_ago double precision, last_ms_ago double precision, count bigint, actor_kind text, key_id uuid,
    key_name text, address text, request_id uuid, action text, outcome text, organisation_id uuid, organisation text,
    target text, detail jsonb)
on conflict (id) do update set count = excluded.count, last_at = excluded.last_at`;
