import type { Database } from '../store/database.ts';

/** When keys were last used, to a minute: enough to tell which are not needed any more. */
export interface KeyUse {
  /** The key was used. Costs nothing. */
  note(keyId: string): void;
  /** Writes what was noted since the last time; a key at most once a minute, whatever the number of backends. */
  flush(): Promise<void>;
}

export function createKeyUse({ database }: { database: Database }): KeyUse {
  const used = new Set<string>();
  return {
    note: (keyId) => void used.add(keyId),
    async flush() {
      if (used.size === 0) return;
      const ids = [...used];
      used.clear();
      await database.query(
        `update api_keys set last_used_at = now()
          where id = any(array(
            select id from api_keys
             where id = any($1::uuid[]) and (last_used_at is null or last_used_at < now() - interval '1 minute')
             order by id for update skip locked))`,
        [ids],
      );
    },
  };
}
