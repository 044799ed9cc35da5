import pg from 'pg';

const CONNECTS_WITHIN_MS = 5_000;
const ANSWERS_WITHIN_MS = 30_000;

/**
 * Runs one statement on a connection of its own and answers its rows. For looking in from outside now and then; whoever asks
 * often keeps a pool. Throws when the server does not answer within 30 s.
 */
export async function queryOnce<Row extends object>(
  databaseUrl: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: CONNECTS_WITHIN_MS,
    query_timeout: ANSWERS_WITHIN_MS,
    application_name: 'longshore-look',
  });
  client.on('error', () => undefined); // A connection that breaks is told by the query that waits on it.
  try {
    await client.connect();
    return (await client.query<Row>(sql, [...values])).rows;
  } finally {
    await client.end();
  }
}
