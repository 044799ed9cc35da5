import pg from 'pg';
import { type AdminAddress, asAdmin, connectionUrl } from './admin-connection.ts';
import { newPassword } from './secret-file.ts';
import type { ServerRecord } from './server-record.ts';

export interface DatabaseRequest {
  /** Name of the database. */
  name: string;
  /** The role that owns it and may do nothing else on this server. */
  role: string;
}

export interface DatabaseContext {
  readonly address: AdminAddress;
  readonly record: ServerRecord;
  /** Called with a changed record, before the role gets the password in it. */
  readonly save: (record: ServerRecord) => void;
}

/**
 * Makes the role and its database where they are missing and answers with the URL for that role. No other role but the
 * superuser can connect to it: the right that PostgreSQL gives to everybody is taken back.
 */
export async function createDatabase(
  { name, role }: DatabaseRequest,
  context: DatabaseContext,
): Promise<string> {
  const { address, record, save } = context;
  const known = record.roles[role];
  const password = known ?? newPassword();
  if (known === undefined) {
    record.roles[role] = password;
    save(record);
  }
  await asAdmin(address, async (client) => {
    await ensureRole(client, role, { password, isNew: known === undefined });
    await ensureDatabase(client, name, role);
  });
  return connectionUrl({ role, password, port: address.port, database: name });
}

/** Takes from everybody the right to connect to the databases that come with every cluster. */
export async function closeSystemDatabases(address: AdminAddress): Promise<void> {
  await asAdmin(address, (client) =>
    client.query('REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC'),
  );
}

async function exists(client: pg.Client, sql: string, name: string): Promise<boolean> {
  return ((await client.query(sql, [name])).rowCount ?? 0) > 0;
}

async function ensureRole(
  client: pg.Client,
  role: string,
  given: { password: string; isNew: boolean },
): Promise<void> {
  const found = await exists(client, 'SELECT 1 FROM pg_roles WHERE rolname = $1', role);
  if (found && !given.isNew) return;
  // A failing statement would stand in the server's log, password included.
  await client.query('SET log_min_error_statement = panic');
  const verb = found ? 'ALTER' : 'CREATE';
  await client.query(
    `${verb} ROLE ${pg.escapeIdentifier(role)} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD ${pg.escapeLiteral(given.password)}`,
  );
}

async function ensureDatabase(client: pg.Client, name: string, role: string): Promise<void> {
  const database = pg.escapeIdentifier(name);
  if (!(await exists(client, 'SELECT 1 FROM pg_database WHERE datname = $1', name))) {
    await client.query(`CREATE DATABASE ${database} OWNER ${pg.escapeIdentifier(role)}`);
  }
  await client.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`);
}
