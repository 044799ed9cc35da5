import { randomBytes } from 'node:crypto';
import type { Database } from './database.ts';

/** A secret that all backends of one database share; made by whoever comes first. */
export async function instanceSecret(database: Database, name: string): Promise<Buffer> {
  await database.query('insert into instance_secrets (name, value) values ($1, $2) on conflict do nothing', [
    name,
    randomBytes(32),
  ]);
  const [row] = await database.query<{ value: Buffer }>(
    'select value from instance_secrets where name = $1',
    [name],
  );
  return row!.value;
}
