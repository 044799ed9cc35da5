import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { queryOnce } from '@longshore/embedded-postgres';
import type { Home } from '../home/home.ts';

/** To be called when a backup was put into the home: the database cannot be asked yet. */
export function noteRestore({ restored }: Home): void {
  writeFileSync(restored, '', { mode: 0o600 });
}

/**
 * Ends the sessions that were alive when the backup was made, once, before anything else starts: their workers belong to the platform
 * it was made of and are never heard of here. What they had goes to others at once. `databaseUrl`: the database of the home.
 */
export async function endRestoredSessions({ restored }: Home, databaseUrl: string): Promise<void> {
  if (!existsSync(restored)) return;
  await queryOnce(
    databaseUrl,
    `update sessions set state = 'ended', ended_at = now() where ended_at is null`,
  );
  rmSync(restored);
}
