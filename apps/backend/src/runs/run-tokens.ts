import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a run token says: it is good for this attempt of this run and for nothing else. */
export interface RunTokenClaims {
  readonly runId: string;
  readonly epoch: number;
  readonly organisationId: string;
  readonly executionId: string;
  readonly task: string;
  /** Wall clock, seconds since 1970. */
  readonly expiresAt: number;
}

export interface RunTokens {
  issue(claims: Omit<RunTokenClaims, 'expiresAt'>, lifetimeMs: number): string;
  /** The claims of a genuine token that has not expired; null for anything else. */
  verify(token: string): RunTokenClaims | null;
  /** The task of a genuine token, expired or not. */
  taskOf(token: string): string | null;
}

const PREFIX = 'lsr_';

/**
 * Tokens are HMAC-SHA-256 over their claims, under a secret that all backends of one database share. They are
 * checked without a look into the database; that the epoch still holds is checked by the statement that writes.
 */
export function createRunTokens(secret: Buffer, nowMs: () => number): RunTokens {
  const sign = (body: string) => createHmac('sha256', secret).update(body).digest();

  function open(token: string): RunTokenClaims | null {
    const [body, signature] = token.startsWith(PREFIX) ? token.slice(PREFIX.length).split('.') : [];
    if (body === undefined || signature === undefined) return null;
    const given = Buffer.from(signature, 'base64url');
    const expected = sign(body);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
    return decode(body);
  }

  return {
    issue(claims, lifetimeMs) {
      const expiresAt = Math.ceil((nowMs() + lifetimeMs) / 1000);
      const body = encode({ ...claims, expiresAt });
      return `${PREFIX}${body}.${sign(body).toString('base64url')}`;
    },
    verify(token) {
      const claims = open(token);
      return claims !== null && claims.expiresAt * 1000 >= nowMs() ? claims : null;
    },
    taskOf: (token) => open(token)?.task ?? null,
  };
}

function encode(claims: RunTokenClaims): string {
  const { runId, epoch, organisationId, executionId, task, expiresAt } = claims;
  return Buffer.from(JSON.stringify([runId, epoch, organisationId, executionId, task, expiresAt])).toString(
    'base64url',
  );
}

function decode(body: string): RunTokenClaims {
  const [runId, epoch, organisationId, executionId, task, expiresAt] = JSON.parse(
    Buffer.from(body, 'base64url').toString(),
  ) as [string, number, string, string, string, number];
  return { runId, epoch, organisationId, executionId, task, expiresAt };
}
