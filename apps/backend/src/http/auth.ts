import { apiError, type KeyKind, type Route } from '@longshore/contracts';
import type { Request } from 'express';
import type { KeyUse } from '../keys/key-use.ts';
import type { Key } from '../keys/keys.ts';
import type { TrustedKeys } from '../keys/trusted-keys.ts';
import type { RunTokenClaims, RunTokens } from '../runs/run-tokens.ts';

/** Who is behind a request, as far as its route asks. */
export type Caller =
  | { readonly kind: 'anyone' }
  /** `believed`: the key was good a moment ago, and what is asked for must be done only if it still is. */
  | { readonly kind: 'key'; readonly key: Key; readonly believed?: true }
  | { readonly kind: 'run'; readonly run: RunTokenClaims };

/** Who may call a route, and how it refuses who shows nothing. */
export interface Lock extends Pick<Route<unknown, unknown, unknown, unknown>, 'auth' | 'withoutKey'> {
  /** Whoever answers looks at the caller's key again, in the statement that does what is asked. */
  readonly checksKey?: boolean;
}

/** `recognised` is told of the good key that was shown, also where it may not do what it asks. */
export type Authenticate = (request: Request, lock: Lock, recognised: (key: Key) => void) => Promise<Caller>;

export interface AuthDependencies {
  readonly keys: TrustedKeys;
  readonly keyUse: Pick<KeyUse, 'note'>;
  readonly tokens: RunTokens;
  /** Whether the attempt behind a token still has its run. */
  readonly isLive: (run: RunTokenClaims) => Promise<boolean>;
}

/** Authentication by route: fails closed, and says only what the caller already knows. */
export function createAuthenticate({ keys, keyUse, tokens, isLive }: AuthDependencies): Authenticate {
  async function keyOf(secret: string, kinds: readonly KeyKind[], recognised: (key: Key) => void) {
    const key = await keys.find(secret);
    if (key === null) throw apiError('authentication_failed', 'Unauthorized');
    recognised(key);
    keyUse.note(key.id);
    if (!kinds.includes(key.kind)) {
      throw apiError('permission_denied', `This route needs a key of kind ${kinds.join(' or ')}`);
    }
    return key;
  }

  function believed(secret: string, recognised: (key: Key) => void): Caller | null {
    const key = keys.believed(secret);
    if (key === null) return null;
    recognised(key);
    keyUse.note(key.id);
    return { kind: 'key', key, believed: true };
  }

  async function runOf(request: Request): Promise<RunTokenClaims> {
    const run = tokens.verify(String(request.headers['x-longshore-run-token'] ?? ''));
    if (run === null || !(await isLive(run)))
      throw apiError('authentication_failed', 'The run token is missing, wrong or expired');
    return run;
  }

  return async function authenticate(request, { auth, withoutKey, checksKey }, recognised) {
    const secret = () => bearerOf(request, withoutKey);
    switch (auth) {
      case 'none':
      case 'deployment':
        return { kind: 'anyone' };
      case 'service':
        return { kind: 'key', key: await keyOf(secret(), ['service'], recognised) };
      case 'run_token':
        await keyOf(secret(), ['service'], recognised);
        return { kind: 'run', run: await runOf(request) };
      case 'admin':
        return { kind: 'key', key: await keyOf(secret(), ['admin'], recognised) };
      case 'organisation': {
        const caller = checksKey === true ? believed(secret(), recognised) : null;
        if (caller !== null) return caller;
        return { kind: 'key', key: await keyOf(secret(), ['organisation', 'admin'], recognised) };
      }
    }
  };
}

/** The secret in `Authorization: Bearer …`. @throws ApiError "Missing api key", 403 by default, when there is none. */
export function bearerOf(request: Request, withoutKey: Lock['withoutKey'] = 'missing_api_key'): string {
  const match = /^Bearer\s+(\S+)\s*$/i.exec(request.headers.authorization ?? '');
  if (match === null) throw apiError(withoutKey, 'Missing api key');
  return match[1]!;
}
