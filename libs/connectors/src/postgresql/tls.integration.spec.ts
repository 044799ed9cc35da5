import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeCertificate, type OwnPostgres, startOwnPostgres } from '@longshore/testing';
import { allowedHosts } from '../guard/allowed-hosts.ts';
import { connect, disconnect, type PostgresSecret } from './connect.ts';
import { openTable } from './open-table.ts';

const authority = makeCertificate('Authority of the harbour');
const CA = authority.cert;
let postgres: OwnPostgres;
let url: URL;

beforeAll(async () => {
  postgres = await startOwnPostgres({ tls: makeCertificate('db.test', authority) });
  url = new URL(await postgres.createDatabase('results'));
});
afterAll(() => postgres?.stop());

/** What a pipeline is given to reach the database by the name of db.test. */
function optionsOf(changes: Partial<PostgresSecret> = {}) {
  const { username: user, password, port, pathname } = url;
  const secret = { host: 'db.test', port, database: pathname.slice(1), user, ...changes };
  const resolve = async () => [{ address: '127.0.0.1', family: 4 }];
  return {
    secret: { password: decodeURIComponent(password), ...secret },
    guard: { hosts: allowedHosts([`${secret.host}:${port}`], 'PIPELINE_HOSTS'), resolve },
    signal: new AbortController().signal,
  };
}

async function query(text: string): Promise<unknown[]> {
  const client = await connect(optionsOf({ ca: CA }));
  const { rows } = await client.query<Record<string, unknown>>(text);
  await disconnect(client);
  return rows;
}

describe('a database that speaks TLS', () => {
  it('is written to through it, where its certificate is of the named authority and of its name', async () => {
    expect(await query('select ssl from pg_stat_ssl where pid = pg_backend_pid()')).toEqual([{ ssl: true }]);
    const where = { schema: 'public', table: 'invoices', mapping: null, fields: [] };
    const table = await openTable({ ...optionsOf({ ca: CA }), ...where });
    for (let time = 0; time < 2; time += 1) await table.write((fact) => `this ${fact}`);
    await table.close();
    expect(await query('select longshore_file as file from invoices')).toEqual([{ file: 'this $file' }]);
  });

  it.each<[string, Partial<PostgresSecret>]>([
    ['no authority is named', {}],
    ['the authority is another of the same name', { ca: makeCertificate(authority.host).cert }],
    ['the certificate is of another name', { ca: CA, host: 'other.test' }],
    ['the certificate is none of the address that is named', { ca: CA, host: '127.0.0.1' }],
  ])('is not spoken to where %s', async (_what, changes) => {
    await expect(connect(optionsOf(changes))).rejects.toMatchObject({
      ...{ problem: 'refused', message: expect.stringContaining('no secure connection') },
    });
  });

  it('is refused the wrong password, but not before it has shown who it is', async () => {
    const wrong = { password: 'wrong' };
    await expect(connect(optionsOf({ ca: CA, ...wrong }))).rejects.toThrow('password authentication failed');
    await expect(connect(optionsOf(wrong))).rejects.toThrow('no secure connection');
  });
});
