import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { queryOnce } from '@longshore/embedded-postgres';
import { startPlatform, type TestPlatform } from '../platform.ts';
import { S3_SECRET, startS3Server, type TestS3Server } from '../s3-server.ts';
import { startPostgres, type TestPostgres } from '../postgres.ts';
import { deploymentClient, invoice } from './deployment-client.fixture.ts';

const root = resolve(import.meta.dirname, '../../../../..');
const FILES = 5;

let postgres: TestPostgres;
let s3: TestS3Server;
let platform: TestPlatform;
let books: string;
let folder: string;

beforeAll(async () => {
  [postgres, s3] = await Promise.all([startPostgres(), startS3Server(['inbox', 'outbox'])]);
  books = await postgres.createDatabase('books');
  folder = await realpath(await mkdtemp(join(tmpdir(), 'longshore-tables-')));
  await chmod(folder, 0o777);
  mkdirSync(join(folder, 'in'));
  for (let number = 1; number <= FILES; number += 1)
    writeFileSync(join(folder, 'in', `${number}.txt`), invoice(`I-${number}`, 3));
  platform = await startPlatform({
    ...{ PIPELINE_FOLDERS: folder, PIPELINE_HOSTS: `${new URL(books).host},${s3.host}` },
    ...{ SESSION_TIMEOUT: '3', PRESIGNED_URL_ALLOW_HTTP: 'true' },
  });
});
afterAll(async () => {
  await platform?.stop();
  await Promise.all([postgres?.stop(), s3?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

/** What an administrator writes; the password stands in the environment alone. */
async function applyPipeline(): Promise<void> {
  const { hostname, port, username, password, pathname } = new URL(books);
  const database = pathname.slice(1);
  const values = Object.entries({ host: hostname, port, user: username, database, tls: 'off' });
  const variables = values.map(([key, value]) => [`BOOKS_${key.toUpperCase()}`, value]);
  const references = [...values.map(([key]) => key), 'password'];
  const documents = [
    {
      ...{ kind: 'credential', name: 'books', type: 'postgresql' },
      values: Object.fromEntries(references.map((key) => [key, { env: `BOOKS_${key.toUpperCase()}` }])),
    },
    {
      ...{ kind: 'workflow', name: 'invoices' },
      steps: [{ read: {} }, { extract: { fields: { number: { type: 'string', label: 'Invoice number' } } } }],
    },
    {
      ...{ kind: 'pipeline', pipeline_id: 'ledger', workflow: 'invoices' },
      source: { folder: { path: join(folder, 'in') } },
      destination: { postgresql: { table: 'invoices', credential: 'books' } },
    },
  ];
  const file = join(folder, 'ledger.yaml');
  writeFileSync(file, documents.map((document) => JSON.stringify(document)).join('\n---\n'));
  await promisify(execFile)(process.execPath, ['apps/cli/src/main.ts', 'apply', '-f', file], {
    cwd: root,
    env: {
      ...{ ...process.env, LONGSHORE_HOME: platform.home },
      ...{ ...Object.fromEntries(variables), BOOKS_PASSWORD: decodeURIComponent(password) },
    },
  });
}

async function run(pipeline = 'ledger', force = true): Promise<string> {
  const answer = await fetch(`${platform.url}/deployment/pipeline/api/default/${pipeline}/`, {
    method: 'POST',
    headers: { authorization: `Bearer ${platform.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ force }),
  });
  return ((await answer.json()) as { message: { execution_id: string } }).message.execution_id;
}

const rowsOf = (executionId: string) =>
  queryOnce<{ file: string; number: string }>(
    books,
    'select longshore_file as file, number from invoices where longshore_execution_id = $1 order by 1',
    [executionId],
  );
const expected = Array.from({ length: FILES }, (_, index) => {
  return { file: `${index + 1}.txt`, number: `I-${index + 1}` };
});

/** From now on whoever inserts the row of the third file waits in its statement, all rows before it written, until the gate opens. */
const shutGate = async () => {
  await queryOnce(
    books,
    `create table gate (shut boolean);
     insert into gate values (true);
     create function wait_at_gate() returns trigger language plpgsql as $$
     begin
       while exists (select from gate where shut) loop perform pg_sleep(0.02); end loop;
       return null;
     end $$;
     create trigger wait_at_gate after insert on invoices for each row when (new.longshore_file = '3.txt')
       execute function wait_at_gate();`,
  );
};

/** Waits until so many connections of pipelines are in the middle of an insert. */
async function inserting(count: number): Promise<void> {
  for (;;) {
    const active = await queryOnce(
      books,
      `select 1 from pg_stat_activity where datname = current_database() and application_name = 'longshore pipeline'
          and state = 'active' and query like 'insert%'`,
    );
    if (active.length >= count) return;
    await pause(20);
  }
}

it('failure mode 4: has one row per file although its worker is killed between the insert and its report', async () => {
  const { ended } = deploymentClient(platform);
  await applyPipeline();
  const first = await run();
  expect(await ended(first, 60_000)).toMatchObject({ status: 'COMPLETED', successful_files: FILES });
  expect(await rowsOf(first)).toEqual(expected);

  await shutGate();
  const second = await run();
  await inserting(1);
  platform.kill9('general');
  // The server goes on with what the dead worker asked for; the next one writes the same rows, and meets it there.
  await inserting(2);
  await queryOnce(books, 'update gate set shut = false');
  expect(await ended(second, 60_000)).toMatchObject({ status: 'COMPLETED', successful_files: FILES });
  expect(await rowsOf(second)).toEqual(expected);
  expect(await rowsOf(first)).toEqual(expected);
});

it('reads the objects of one bucket and writes the results into another, and reads only what is new', async () => {
  const { apply, ended } = deploymentClient(platform);
  const place = (bucket: string, prefix: string) => {
    return { s3: { endpoint: `http://${s3.host}`, bucket, prefix, credential: 'store' } };
  };
  await apply([
    { kind: 'credential', name: 'store', type: 's3', values: S3_SECRET },
    {
      ...{ kind: 'workflow', name: 'of-objects' },
      steps: [{ read: {} }, { extract: { fields: { number: { type: 'string', label: 'Invoice number' } } } }],
    },
    {
      ...{ kind: 'pipeline', pipeline_id: 'objects', workflow: 'of-objects' },
      ...{ source: place('inbox', 'in/'), destination: place('outbox', 'read/') },
    },
  ]);
  const resultOf = async (key: string) =>
    JSON.parse(await s3.get(`outbox/read/${encodeURIComponent(key)}.json`)) as object;
  await s3.put('inbox/in/1.txt', invoice('S-1', 3));
  await s3.put('inbox/in/f%C3%A4hre%20%2B.txt', invoice('S-2', 3));
  await s3.put('inbox/elsewhere.txt', invoice('S-0', 3));
  expect(await ended(await run('objects', false), 60_000)).toMatchObject({
    ...{ status: 'COMPLETED', total_files: 2, successful_files: 2 },
  });
  expect(await resultOf('1.txt')).toMatchObject({ file: '1.txt', output: { number: 'S-1' } });
  expect(await resultOf('fähre +.txt')).toMatchObject({ file: 'fähre +.txt', output: { number: 'S-2' } });

  await s3.put('inbox/in/1.txt', invoice('S-3', 3));
  expect(await ended(await run('objects', false), 60_000)).toMatchObject({
    ...{ status: 'COMPLETED', total_files: 1, successful_files: 1 },
  });
  expect(await resultOf('1.txt')).toMatchObject({ output: { number: 'S-3' } });
});
