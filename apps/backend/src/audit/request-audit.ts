import { ApiError, errorCodes } from '@longshore/contracts';
import type { Logger } from '@longshore/runtime';
import { clientAddress, networkOf } from '../http/client-address.ts';
import type { Exchange } from '../http/exchange.ts';
import type { FailedAttempts } from '../http/failed-attempts.ts';
import type { Keys } from '../keys/keys.ts';
import type { Database, SqlClient } from '../store/database.ts';
import { actorOf, tellOf, writeAuditEvent, type AuditDetail, type AuditEntry } from './audit-log.ts';
import type { CountedEvents } from './counted-events.ts';

/** What an act says of itself. No secrets. */
export interface ActWords {
  /** What it was done to, in words: a name, a kind and a name. */
  readonly target: string;
  /** Whose it is. Default: the organisation of the key that acts. */
  readonly organisationId?: string | null;
  readonly detail?: AuditDetail;
}

/** The administrative act that a request carries out. */
export interface Act {
  /** Writes its line of the audit log with the transaction that carries it out. Once. */
  record(client: SqlClient, words: ActWords): Promise<void>;
}

/** Watches over requests: who did what, and who was refused what. */
export interface RequestAudit {
  act(exchange: Exchange): Act;
  /** The request was carried out. Writes the line of an act whose handler wrote none. */
  succeeded(exchange: Exchange): Promise<void>;
  /** The request was not. What to answer: the error, or that there were too many wrong keys. Never throws. */
  failed(exchange: Exchange, error: ApiError): Promise<ApiError>;
}

export interface RequestAuditDependencies {
  readonly database: Database;
  readonly keys: Keys;
  readonly counted: CountedEvents;
  readonly attempts: FailedAttempts;
  readonly logger: Logger;
}

export function createRequestAudit(dependencies: RequestAuditDependencies): RequestAudit {
  const { database, counted, attempts, logger } = dependencies;
  const recorded = new WeakMap<Exchange, AuditEntry>();

  async function record(client: SqlClient, exchange: Exchange, words: ActWords): Promise<void> {
    if (exchange.route.audit === null) throw new Error(`${exchange.route.path} is no administrative act`);
    const entry = entryOf(exchange, exchange.route.audit, words);
    await writeAuditEvent(client, entry);
    recorded.set(exchange, entry);
  }

  /** The act has happened: that its line cannot be written must not make it look as if it had not. */
  async function recordAfterwards({ requestId }: Exchange, entry: AuditEntry): Promise<void> {
    try {
      await database.transaction((client) => writeAuditEvent(client, entry));
    } catch (error) {
      logger.error('An act could not be audited', { request_id: requestId, error });
    }
  }

  return {
    act: (exchange) => ({ record: (client, words) => record(client, exchange, words) }),
    async succeeded(exchange) {
      if (exchange.route.audit === null) return;
      const entry =
        recorded.get(exchange) ?? entryOf(exchange, exchange.route.audit, { target: targetOf(exchange) });
      tellOf(logger, entry);
      if (!recorded.has(exchange)) await recordAfterwards(exchange, entry);
    },
    async failed(exchange, error) {
      try {
        const known = await whoIs(dependencies.keys, exchange, error);
        const told = isWrongKey(error) && known.key === null ? slowed(attempts, known, error) : error;
        if (isAudited(known, error)) counted.note(failureOf(known, error));
        return told;
      } catch (failure) {
        logger.error('A refusal could not be audited', { request_id: exchange.requestId, error: failure });
        return error;
      }
    },
  };
}

/** A deployment's address asks for its own keys alone; a key that is good elsewhere is no guess, and has a name. */
async function whoIs(keys: Keys, exchange: Exchange, error: ApiError): Promise<Exchange> {
  if (exchange.route.auth !== 'deployment' || !isWrongKey(error)) return exchange;
  const [, secret] = (exchange.request.headers.authorization ?? '').split(/\s+/);
  return { ...exchange, key: secret === undefined ? null : await keys.find(secret) };
}

/** Somebody may be guessing. Who shows no key at all is not. */
function isWrongKey(error: ApiError): boolean {
  return error.errors[0]?.code === 'authentication_failed';
}

function slowed(attempts: FailedAttempts, { request }: Exchange, error: ApiError): ApiError {
  const seconds = attempts.note(networkOf(clientAddress(request)));
  if (seconds === null) return error;
  const detail = 'Too many wrong keys came from this address; a right one is still heard';
  return new ApiError(
    errorCodes.too_many_attempts,
    [{ code: 'too_many_attempts', detail, attr: null }],
    seconds,
  );
}

/** Every refusal; and every act that somebody tried who may, and that did not take effect. Typing errors are neither. */
function isAudited({ route, key }: Exchange, error: ApiError): boolean {
  return isRefusal(error) || (route.audit !== null && key !== null && error.status !== errorCodes.invalid);
}

function isRefusal({ status }: ApiError): boolean {
  return status === errorCodes.authentication_failed || status === errorCodes.permission_denied;
}

function failureOf(exchange: Exchange, error: ApiError) {
  const { request, route, key } = exchange;
  const refused = isRefusal(error);
  const code = error.errors[0]?.code ?? String(error.status);
  const place = `${route.method.toUpperCase()} ${route.path}`;
  // Before a key was looked at, what stands in the address may be anything.
  const target = key === null && !isWrongKey(error) ? null : targetOf(exchange);
  const entry = entryOf(exchange, route.audit ?? 'authenticate', {
    target: target ?? '',
    detail: { route: place, code },
  });
  return {
    ...entry,
    // It is told to those whose deployment it is, not to those whose key it was.
    organisationId: route.auth === 'deployment' ? null : entry.organisationId,
    target,
    outcome: refused ? ('refused' as const) : ('failed' as const),
    group: [networkOf(clientAddress(request)), place, code, key?.id ?? null],
    organisation: target !== null && route.auth === 'deployment' ? (target.split('/')[0] ?? null) : null,
  };
}

function entryOf({ request, requestId, key }: Exchange, action: string, words: ActWords): AuditEntry {
  return {
    actor: actorOf(key),
    address: clientAddress(request),
    requestId,
    action,
    outcome: 'success',
    organisationId: words.organisationId === undefined ? (key?.organisationId ?? null) : words.organisationId,
    target: words.target,
    detail: words.detail ?? null,
  };
}

const MAX_TARGET = 200;

/** What the address of the request names, as text that the database can hold. */
function targetOf({ request }: Exchange): string {
  const named = Object.values(request.params).join('/');
  return named.slice(0, MAX_TARGET).replaceAll('\0', '').toWellFormed();
}
