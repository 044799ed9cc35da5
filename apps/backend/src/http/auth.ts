import { apiError, type RouteAuth } from '@longshore/contracts';
import type { Request } from 'express';
import type { Key, Keys } from '../keys/keys.ts';
import type { RunTokenClaims, RunTokens } from '../runs/run-tokens.ts';

/** Who is behind a request, as far as its route asks. */
export type Caller =
  | { readonly kind: 'anyone' }
  | { readonly kind: 'key'; readonly key: Key }
  | { readonly kind: 'run'; readonly run: RunTokenClaims };

export type Authenticate = (request: Request, auth: RouteAuth) => Promise<Caller>;

/** How long a good service key is trusted without a look into the database, ms: workers call many times a second. */
const SERVICE_KEY_CACHE_MS = 1_000;

export interface AuthDependencies {
  readonly keys: Keys;
  readonly tokens: RunTokens;
  readonly monotonicMs: () => number;
}

/** Authentication by route: fails closed, and says only what the caller already knows. */
export function createAuthenticate({ keys, tokens, monotonicMs }: AuthDependencies): Authenticate {
  const trusted = new Map<string, { key: Key; until: number }>();

  async function serviceKey(request: Request): Promise<Key> {
    const secret = bearerOf(request);
    const known = trusted.get(secret);
    if (known !== undefined && known.until > monotonicMs()) return known.key;
    trusted.delete(secret);
    const key = await requireKind(keys, secret, ['service']);
    trusted.set(secret, { key, until: monotonicMs() + SERVICE_KEY_CACHE_MS });
    return key;
  }

  return async function authenticate(request, auth) {
    switch (auth) {
      case 'none':
      case 'deployment':
        return { kind: 'anyone' };
      case 'service':
        return { kind: 'key', key: await serviceKey(request) };
      case 'run_token': {
        await serviceKey(request);
        const run = tokens.verify(String(request.headers['x-longshore-run-token'] ?? ''));
        if (run === null)
          throw apiError('authentication_failed', 'The run token is missing, wrong or expired');
        return { kind: 'run', run };
      }
      case 'admin':
        return { kind: 'key', key: await requireKind(keys, bearerOf(request), ['admin']) };
      case 'organisation':
        return { kind: 'key', key: await requireKind(keys, bearerOf(request), ['organisation', 'admin']) };
    }
  };
}

async function requireKind(keys: Keys, secret: string, kinds: readonly string[]): Promise<Key> {
  const key = await keys.find(secret);
  if (key === null) throw apiError('authentication_failed', 'Unauthorized');
  if (!kinds.includes(key.kind)) {
    throw apiError('permission_denied', `This route needs a key of kind ${kinds.join(' or ')}`);
  }
  return key;
}

/** The secret in `Authorization: Bearer …`. @throws ApiError 403 "Missing api key" when there is none. */
export function bearerOf(request: Request): string {
  const match = /^Bearer\s+(\S+)\s*$/i.exec(request.headers.authorization ?? '');
  if (match === null) throw apiError('missing_api_key', 'Missing api key');
  return match[1]!;
}
