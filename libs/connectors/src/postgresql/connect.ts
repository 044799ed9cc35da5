import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Client, ClientConfig } from 'pg';
import { guardedAddresses, HostRefusedError, type HostGuardOptions } from '../guard/guarded-host.ts';
import { asTableError, TableError } from './table-error.ts';

/** How a database is reached: all of it is secret. */
export interface PostgresSecret {
  readonly host: string;
  /** Default 5432. */
  readonly port?: string | undefined;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** `verify`: encrypted, to the server that the certificate names; `require`: encrypted, to whoever answers; `off`. Default `verify`. */
  readonly tls?: 'verify' | 'require' | 'off' | undefined;
  /** The authority of the server's certificate, PEM. Default: the usual ones. */
  readonly ca?: string | undefined;
  /** What this side shows, PEM, with its key. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

export interface ConnectOptions {
  readonly secret: PostgresSecret;
  readonly guard: HostGuardOptions;
  readonly signal: AbortSignal;
}

const CONNECT_MS = 10_000;
const STATEMENT_MS = 30_000;
const GOODBYE_MS = 2_000;

/**
 * Connects to one of the addresses of the host, each checked before. The library that speaks to it is loaded now, and only
 * where a pipeline needs it. @throws TableError
 */
export async function connect({ secret, guard, signal }: ConnectOptions): Promise<Client> {
  const port = Number(secret.port ?? 5432);
  const addresses = await addressesOf(secret.host, port, guard);
  const { default: pg } = await import('pg');
  let failure: unknown;
  for (const address of addresses) {
    signal.throwIfAborted();
    const client = new pg.Client(configOf(secret, address, port));
    // Without a listener the loss of an idle connection would end the process; the next statement tells of it.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      await disconnect(client);
      failure = asTableError(error);
      if (!(failure instanceof TableError) || failure.problem !== 'unavailable') break;
    }
  }
  throw failure;
}

/** Says goodbye, and cuts the connection where that is not answered: a server that is frozen would be waited for without end. */
export async function disconnect(client: Client): Promise<void> {
  const { stream } = (client as unknown as { connection: { stream: Duplex } }).connection;
  const cut = setTimeout(() => stream.destroy(), GOODBYE_MS);
  // Whoever is cut off has nothing left to say that anybody needs.
  await client.end().catch(() => undefined);
  clearTimeout(cut);
}

async function addressesOf(host: string, port: number, guard: HostGuardOptions): Promise<string[]> {
  try {
    return await guardedAddresses(host, port, guard);
  } catch (error) {
    if (error instanceof HostRefusedError) throw new TableError('refused', error.message, { cause: error });
    throw new TableError('unavailable', 'its host was not found', { cause: error });
  }
}

function configOf(secret: PostgresSecret, host: string, port: number): ClientConfig {
  const { database, user, password, host: name } = secret;
  return {
    ...{ host, port, database, user, password, ssl: tlsOf(secret, name) },
    application_name: 'longshore pipeline',
    connectionTimeoutMillis: CONNECT_MS,
    // Kept on this side: proxies that share connections refuse a session with settings of its own.
    query_timeout: STATEMENT_MS,
    keepAlive: true,
  };
}

/** The certificate is held against the name in the credential, although the connection is made to an address. */
function tlsOf(
  { tls = 'verify', ca, certificate: cert, key }: PostgresSecret,
  name: string,
): ClientConfig['ssl'] {
  if (tls === 'off') return false;
  const given = Object.entries({ ca, cert, key }).filter(([, value]) => value !== undefined);
  return {
    rejectUnauthorized: tls === 'verify',
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...Object.fromEntries(given),
  };
}
