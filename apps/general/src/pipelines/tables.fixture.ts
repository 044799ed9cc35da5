import { createRequire } from 'node:module';

export type Query = (text: string) => Promise<Record<string, unknown>[]>;

interface PgClient {
  connect(): Promise<void>;
  query(text: string): Promise<{ rows: Record<string, unknown>[] }>;
  end(): Promise<void>;
}

/** Looks into a database with a connection of the test's own, and not with that of the code under test. */
export async function queryOf(
  connectionString: string,
): Promise<{ query: Query; close: () => Promise<void> }> {
  // Workers import no client of databases; a test of them may look for itself.
  const { Client } = createRequire(import.meta.url)('pg') as {
    Client: new (options: object) => PgClient;
  };
  const client = new Client({ connectionString });
  await client.connect();
  return { query: async (text) => (await client.query(text)).rows, close: () => client.end() };
}
