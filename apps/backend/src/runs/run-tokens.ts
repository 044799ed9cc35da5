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
    const given = Buffer.from(signature);
    const expected = Buffer.from(sign(body));
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
    return decode(body);
  }

  return {
    issue(claims, lifetimeMs) {
      const expiresAt = Math.ceil((nowMs() + lifetimeMs) / 1000);
      const body = encode({ ...claims, expiresAt });
      return `${PREFIX}${body}.${sign(body)}`;
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
const HASH_BYTES = 32;
/** A token that we issued is shorter. */
const USUAL_BODY_BYTES = 4_096;

/**
 * HMAC-SHA-256 (RFC 2104) in base64url, over one-shot hashes with the padded keys prepared once. Each run costs two of these: `createHmac`
 * spends most of its time on making key objects, and a hash that is answered as a buffer of its own costs three times what it costs as text.
 */
function createHmacSha256(secret: Buffer): (body: string) => string {
  const key = Buffer.alloc(BLOCK_BYTES);
  (secret.length > BLOCK_BYTES ? hash('sha256', secret, 'buffer') : secret).copy(key);
  const inner = Buffer.concat([key.map((byte) => byte ^ 0x36)], BLOCK_BYTES + USUAL_BODY_BYTES);
  const outer = Buffer.concat([key.map((byte) => byte ^ 0x5c)], BLOCK_BYTES + HASH_BYTES);
  return (body) => {
    outer.write(hash('sha256', keyed(inner, body), 'binary'), BLOCK_BYTES, 'binary');
    return hash('sha256', outer, 'base64url');
  };
}

/** The padded key with the body behind it, where there is room in the same memory. */
function keyed(inner: Buffer, body: string): Buffer {
  if (body.length * 3 > USUAL_BODY_BYTES)
    return Buffer.concat([inner.subarray(0, BLOCK_BYTES), Buffer.from(body)]);
  return inner.subarray(0, BLOCK_BYTES + inner.write(body, BLOCK_BYTES));
}
