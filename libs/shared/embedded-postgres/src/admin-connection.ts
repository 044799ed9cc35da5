import pg from 'pg';

/** How to reach the server as its superuser. */
export interface AdminAddress {
  readonly port: number;
  readonly password: string;
}

export const HOST = '127.0.0.1';

/** A connection URL; names and passwords of this library need no quoting, foreign ones get it. */
export function connectionUrl(address: {
  role: string;
  password: string;
  port: number;
  database: string;
}): string {
  const { role, password, port, database } = address;
  return `postgres://${encodeURIComponent(role)}:${encodeURIComponent(password)}@${HOST}:${port}/${encodeURIComponent(database)}`;
}

/** The superuser's URL of the `postgres` database. */
export function adminUrl({ port, password }: AdminAddress): string {
  return connectionUrl({ role: 'postgres', password, port, database: 'postgres' });
}

/** Runs `use` on a connection of its own as superuser and closes it afterwards. */
export async function asAdmin<T>(address: AdminAddress, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: adminUrl(address),
    connectionTimeoutMillis: 5000,
    query_timeout: 30_000,
    application_name: 'longshore-embedded',
  });
  client.on('error', () => undefined); // A connection that breaks is told by the query that waits on it.
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
