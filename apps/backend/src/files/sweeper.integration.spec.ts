import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { uuidV7 } from '@longshore/runtime';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend } from '../testing/http-backend.ts';
import { post, textFile } from '../testing/http-client.ts';
import { openFileStore } from './file-store.ts';
import { clearStrayObjects, sweepOrphans } from './sweeper.ts';

let postgres: TestPostgres;
let backend: HttpBackend;

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres);
});
afterAll(async () => {
  await backend?.stop();
  await postgres?.stop();
});

const HOUR_MS = 3_600_000;

async function put(object: string, ageMs: number): Promise<void> {
  const path = join(backend.folder, object);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, 'x');
  const then = new Date(Date.now() - ageMs);
  await utimes(path, then, then);
}

/** A run of an execution, in a state, as far as the sweeper looks. */
async function putRun(state: string, output: object | null): Promise<string> {
  const id = uuidV7();
  await backend.database.query(
    `insert into runs (id, organisation_id, root_id, task, queue, input, max_attempts, soft_limit_ms, hard_limit_ms, state, epoch, output)
     values ($1, $1, $1, 't', 'q', '{}', 1, 1, 1, $2, 2, $3)`,
    [id, state, output],
  );
  return id;
}

it('removes what no row names once it is an hour old, and nothing else', async () => {
  const deployment = await backend.deploy(await backend.organisation(), 'invoices');
  const { body } = await post(deployment, [textFile('a.txt')]);
  const accepted = `uploads/${body.message.execution_id}`;
  await put(accepted, 2 * HOUR_MS);
  const running = await putRun('running', null);
  const ended = await putRun('succeeded', null);
  await backend.database.query(
    `update runs set output = jsonb_build_object('ref', $2::text, 'size', 1) where id = $1`,
    [ended, `outputs/${ended}-2`],
  );
  const kept = [
    accepted,
    `outputs/${running}-2`,
    `outputs/${ended}-2`,
    `uploads/${uuidV7()}`,
    'tmp/fresh',
    'README',
  ];
  const orphans = [
    `outputs/${running}-1`,
    `outputs/${ended}-1`,
    `uploads/${uuidV7()}`,
    `outputs/${uuidV7()}-1`,
    'tmp/old',
  ];
  for (const object of [...kept.slice(1, 3), 'README', ...orphans]) await put(object, 2 * HOUR_MS);
  for (const object of kept.slice(3, 5)) await put(object, HOUR_MS / 2);

  const store = await openFileStore(backend.folder);
  expect(await sweepOrphans(backend.database, store, Date.now())).toBe(orphans.length);
  const left = (await backend.storedFiles()).map((file) => relative(backend.folder, file));
  expect(left.sort()).toStrictEqual(kept.sort());
  expect(await sweepOrphans(backend.database, store, Date.now())).toBe(0);
});

it('finds its way in a folder whose name is written carelessly', async () => {
  const store = await openFileStore(`${relative(process.cwd(), backend.folder)}/`);
  await put('tmp/old', 2 * HOUR_MS);
  expect(await sweepOrphans(backend.database, store, Date.now())).toBe(1);
});

it('counts what may become a request in a moment, and removes at once what an attempt without a run left', async () => {
  const store = await openFileStore(backend.folder);
  const run = await putRun('succeeded', null);
  const [gone, early] = [uuidV7(), uuidV7()];
  const since = new Date();
  const before = await clearStrayObjects(backend.database, store, since);
  const late = `${(since.getTime() + 1000)
    .toString(16)
    .padStart(12, '0')
    .replace(/^(.{8})/, '$1-')}${uuidV7().slice(13)}`;
  const left = [`outputs/${run}-2-${uuidV7()}`, `uploads/${early}`, `uploads/${late}`, `outputs/${gone}-0`];
  const removed = [`outputs/${gone}-1-${uuidV7()}`, `outputs/${gone}-12`, `uploads/${gone}-${uuidV7()}`];
  for (const object of [...left, ...removed]) await put(object, 0);
  expect(await clearStrayObjects(backend.database, store, since)).toBe(before + 2);
  const files = (await backend.storedFiles()).map((file) => relative(backend.folder, file));
  expect(files.filter((file) => left.includes(file)).sort()).toStrictEqual(left.sort());
  expect(files.filter((file) => removed.includes(file))).toStrictEqual([]);
  for (const object of left) await store.remove(object);
});
