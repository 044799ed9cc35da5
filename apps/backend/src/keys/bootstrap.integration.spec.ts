import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { coreWorkerNames, coreWorkers } from '@longshore/contracts';
import { silentLogger } from '@longshore/runtime';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { createDatabase, type Database } from '../store/database.ts';
import { migrate } from '../store/migrate.ts';
import { bootstrapCredentials } from './bootstrap.ts';
import { createKeys } from './keys.ts';

let postgres: TestPostgres;
let folder: string;
const databases: Database[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
  folder = await mkdtemp(join(tmpdir(), 'longshore-keys-'));
});
afterAll(async () => {
  await Promise.all(databases.map((database) => database.close()));
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function setup(name: string, file = join(folder, `${name}.json`)) {
  const logger = silentLogger();
  const database = createDatabase({ url: await postgres.createDatabase(name), logger, connections: 1 });
  databases.push(database);
  await migrate(database, logger);
  const keys = createKeys(database);
  return {
    database,
    keys,
    file,
    bootstrap: () => bootstrapCredentials({ database, keys, logger, file }),
    read: async () => JSON.parse(await readFile(file, 'utf8')) as Credentials,
  };
}

interface Credentials {
  organisation: string;
  api_key: string;
  admin_key: string;
  service_keys: Record<string, string>;
}

it('a fresh instance gets an organisation and keys that fit, in a file for its owner alone', async () => {
  const { bootstrap, read, keys, file } = await setup('fresh');
  await bootstrap();
  const { organisation, api_key, admin_key, service_keys } = await read();
  expect(organisation).toBe('default');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await keys.find(api_key)).toMatchObject({ kind: 'organisation' });
  expect(await keys.find(admin_key)).toMatchObject({ kind: 'admin', organisationId: null });
  for (const [worker, { queues }] of Object.entries(coreWorkers)) {
    expect(await keys.find(service_keys[worker]!)).toMatchObject({
      kind: 'service',
      workers: [worker],
      queues,
    });
  }
});

it('good keys are kept from start to start, and no secret lies in the database', async () => {
  const { bootstrap, read, database } = await setup('kept');
  await bootstrap();
  const first = await read();
  await bootstrap();
  expect(await read()).toStrictEqual(first);
  const rows = await database.query('select * from api_keys');
  expect(rows).toHaveLength(2 + coreWorkerNames.length);
  for (const secret of [first.api_key, first.admin_key])
    expect(JSON.stringify(rows)).not.toContain(secret.slice(8));
});

it('a worker that is new since the file was written gets a key of its own, and the others keep theirs', async () => {
  const { bootstrap, read, keys, file } = await setup('grown');
  await bootstrap();
  const { service_keys, ...rest } = await read();
  const { callback: _new, ...older } = service_keys;
  await writeFile(file, JSON.stringify({ ...rest, service_keys: older }));
  await bootstrap();
  const grown = await read();
  expect(grown).toMatchObject({ ...rest, service_keys: older });
  expect(await keys.find(grown.service_keys['callback']!)).toMatchObject({ workers: ['callback'] });
});

it('keys that were made before become the keys of a database that has none, once', async () => {
  const elsewhere = await setup('elsewhere');
  await elsewhere.bootstrap();
  const given = await elsewhere.read();
  const { bootstrap, read, keys, database } = await setup('given', elsewhere.file);
  await Promise.all([bootstrap(), bootstrap(), bootstrap()]);
  expect(await read()).toStrictEqual(given);
  expect(await keys.find(given.admin_key)).toMatchObject({ kind: 'admin' });
  expect(await keys.find(given.service_keys['callback']!)).toMatchObject({ workers: ['callback'] });
  expect(await database.query('select from api_keys')).toHaveLength(2 + coreWorkerNames.length);
});

it('a given secret that is none is refused, and nothing of the file is taken', async () => {
  const { bootstrap, file, database } = await setup('misshapen');
  const service_keys = Object.fromEntries(Object.keys(coreWorkers).map((name) => [name, 'lsk_svc_short']));
  const given = { organisation: 'default', api_key: 'secret', admin_key: 'secret', service_keys };
  await writeFile(file, JSON.stringify(given));
  await expect(bootstrap()).rejects.toThrow('first organisation key');
  expect(await database.query('select from api_keys')).toHaveLength(0);
});

it('keys of another database, and revoked ones, are replaced', async () => {
  const first = await setup('before');
  await first.bootstrap();
  const stale = await first.read();
  const second = await setup('after', join(folder, 'after.json'));
  await second.bootstrap();
  await writeFile(second.file, JSON.stringify(stale));
  await second.bootstrap();
  const fresh = await second.read();
  expect(fresh.api_key).not.toBe(stale.api_key);
  await second.database.query(`update api_keys set revoked_at = now() where kind = 'admin'`);
  await second.bootstrap();
  expect(await second.keys.find((await second.read()).admin_key)).toMatchObject({ kind: 'admin' });
});

it('a file that holds something else is left alone, and named', async () => {
  const { bootstrap, file } = await setup('other');
  await writeFile(file, '{"mine":true}');
  await expect(bootstrap()).rejects.toThrow(file);
  expect(await readFile(file, 'utf8')).toBe('{"mine":true}');
});
