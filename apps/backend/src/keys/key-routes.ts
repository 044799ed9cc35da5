import { apiError, routes } from '@longshore/contracts';
import type { Caller } from '../http/auth.ts';
import { handle, type MountedRoute } from '../http/server.ts';
import type { Database } from '../store/database.ts';
import { createKey, revokeKey, rotateKey } from './key-administration.ts';
import { findKey, listKeys, type KeyScope } from './key-list.ts';

/** Keys: an admin manages all, an organisation its own deployment keys. */
export function keyRoutes({ database }: { database: Database }): MountedRoute[] {
  return [
    handle(routes.createKey, ({ body, caller, act }) => createKey(database, scopeOf(caller), body, act)),
    handle(routes.listKeys, ({ query, caller }) => listKeys(database, scopeOf(caller), query)),
    handle(routes.getKey, async ({ params, caller }) => {
      const key = await findKey(database, scopeOf(caller), params.id);
      if (key === null) throw apiError('not_found', 'No such key');
      return key;
    }),
    handle(routes.rotateKey, ({ params, body, caller, act }) =>
      rotateKey(
        database,
        { scope: scopeOf(caller), id: params.id, overlapSeconds: body.overlap_seconds },
        act,
      ),
    ),
    handle(routes.revokeKey, ({ params, caller, act }) =>
      revokeKey(database, { scope: scopeOf(caller), id: params.id }, act),
    ),
  ];
}

function scopeOf(caller: Caller): KeyScope {
  const organisationId = caller.kind === 'key' ? caller.key.organisationId : null;
  if (caller.kind === 'key' && caller.key.kind === 'admin') return 'all';
  if (organisationId === null) throw apiError('permission_denied', 'This key manages no keys');
  return { organisationId };
}
