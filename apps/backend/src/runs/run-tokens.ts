import { hash, timingSafeEqual } from 'node:crypto';

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
}

const PREFIX = 'lsr_';

/**
 * Tokens are HMAC-SHA-256 over their claims, under a secret that all backends of one database share. They are
 * checked without a look into the database; that the epoch still holds is checked by the statement that writes.
 */
export function createRunTokens(secret: Buffer, nowMs: () => number): RunTokens {
  const sign = createHmacSha256(secret);

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

const BLOCK_BYTES = 64;

/**
 * HMAC-SHA-256 (RFC 2104) over one-shot hashes with the padded keys prepared once. Each run costs two of these, and
 * `createHmac` spends most of its time on making key objects.
 */
function createHmacSha256(secret: Buffer): (body: string) => Buffer {
  const key = Buffer.alloc(BLOCK_BYTES);
  (secret.length > BLOCK_BYTES ? hash('sha256', secret, 'buffer') : secret).copy(key);
  const inner = key.map((byte) => byte ^ 0x36);
  const outer = key.map((byte) => byte ^ 0x5c);
  return (body) => {
    const inside = hash('sha256', Buffer.concat([inner, Buffer.from(body)]), 'buffer');
    return hash('sha256', Buffer.concat([outer, inside]), 'buffer');
  };
}
