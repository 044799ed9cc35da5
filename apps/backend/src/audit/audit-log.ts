import type { AuditEvent } from '@longshore/contracts';
import { uuidV7, type Logger } from '@longshore/runtime';
import type { Key } from '../keys/keys.ts';
import type { Database, SqlClient } from '../store/database.ts';

/** Stored as JSON. */
export type AuditDetail = Readonly<Record<string, unknown>>;

/** Who acts. Never holds the key itself, not even its hash. */
export interface Actor {
  readonly kind: AuditEvent['actor']['kind'];
  readonly keyId: string | null;
  readonly keyName: string | null;
}

/** What is written of one act or refusal. */
export interface AuditEntry {
  readonly actor: Actor;
  readonly address: string | null;
  readonly requestId: string | null;
  /** What was tried: `key.create`, `workflow.apply`, … */
  readonly action: string;
  readonly outcome: AuditEvent['outcome'];
  readonly organisationId: string | null;
  /** What it was done to, in words. */
  readonly target: string | null;
  readonly detail: AuditDetail | null;
}

/** The platform itself, for what it does at its start. */
export const systemActor: Actor = { kind: 'system', keyId: null, keyName: null };

export function actorOf(key: Key | null): Actor {
  return key === null
    ? { kind: 'anonymous', keyId: null, keyName: null }
    : { kind: key.kind, keyId: key.id, keyName: key.name };
}

/** Writes one line of the audit log, with the transaction of the act: both are there, or neither. */
export async function writeAuditEvent(client: SqlClient, entry: AuditEntry): Promise<void> {
  await client.query(
    `insert into audit_events (id, actor_kind, key_id, key_name, address, request_id, action, outcome, organisation_id,
                               target, detail)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      uuidV7(),
      entry.actor.kind,
      entry.actor.keyId,
      entry.actor.keyName,
      entry.address,
      entry.requestId,
      entry.action,
      entry.outcome,
      entry.organisationId,
      entry.target,
      entry.detail === null ? null : JSON.stringify(entry.detail),
    ],
  );
}

/** Says in the log what stands in the audit log: a copy that whoever can write to the database cannot reach. */
export function tellOf(logger: Logger, entry: AuditEntry): void {
  const { actor, address, requestId, action, outcome, target, detail } = entry;
  const by = { actor: actor.kind, key_id: actor.keyId, key_name: actor.keyName, request_id: requestId };
  logger[outcome === 'success' ? 'info' : 'warn']('Audit', {
    action,
    outcome,
    ...by,
    address,
    target,
    detail,
  });
}

/** What was refused or failed is kept this long at most, days: strangers decide how much of it there is. */
const REFUSALS_KEPT_DAYS = 30;

/** Removes what is older than it has to be kept. */
export async function dropOldAuditEvents(database: Database, keptDays: number): Promise<void> {
  await database.query(
    `delete from audit_events
      where at < now() - $1::int * interval '1 day'
         or (outcome <> 'success' and at < now() - $2::int * interval '1 day')`,
    [keptDays, Math.min(keptDays, REFUSALS_KEPT_DAYS)],
  );
}
