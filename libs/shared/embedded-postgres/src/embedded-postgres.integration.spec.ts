import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from '@jest/globals';
import { silentLogger } from '@longshore/runtime';
import pg from 'pg';
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
  stopLeftBehindPostgres,
} from './index.ts';
import { isPostmasterOf, readPostmasterFile } from './postmaster-file.ts';

const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;
const cleanups: (() => Promise<unknown> | unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A folder that everybody may pass through, gone after the test. */
function folder(mode = 0o755): string {
  const path = realpathSync(mkdtempSync('/tmp/longshore-pg-'));
  chmodSync(path, mode);
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function start(
  dataDir: string,
  options: Partial<EmbeddedPostgresOptions> = {},
): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, logger: silentLogger(), ...options });
  cleanups.push(() => server.stop());
  return server;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Like `query`, again until the server answers: it may be starting. */
async function queryWhenUp(url: string, sql: string): Promise<Record<string, unknown>[]> {
  for (;;) {
    try {
      return await query(url, sql);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

interface Told {
  url: string;
  port: number;
  adoptedFrom?: number;
  error?: string;
}

/** A process of its own that starts a server, as soon as it told about it. */
async function startElsewhere(dataDir: string, uid?: number): Promise<{ child: ChildProcess; told: Told }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'start-server.fixture.ts'), dataDir], {
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(uid !== undefined && { uid, gid: uid }),
  });
  cleanups.push(() => {
    child.stdin.end();
    return child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { child, told: JSON.parse(line) as Told };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function postmasterIn(dataDir: string): number {
  const data = (JSON.parse(readFileSync(join(dataDir, 'server.json'), 'utf8')) as { data: string }).data;
  const pid = readPostmasterFile(data)?.pid ?? 0;
  expect(isPostmasterOf(pid, data)).toBe(true);
  return pid;
}

describe('the embedded PostgreSQL', () => {
  it('serves 127.0.0.1 alone, durably, in UTF-8, and keeps its passwords from others', async () => {
    const dataDir = join(folder(), 'postgres');
    const server = await start(dataDir);
    const settings = await query(
      server.adminUrl,
      `SELECT name, setting FROM pg_settings WHERE name = ANY ('{fsync,synchronous_commit,listen_addresses,jit,max_connections,server_encoding,password_encryption}')`,
    );
    expect(Object.fromEntries(settings.map(({ name, setting }) => [name, setting]))).toEqual({
      fsync: 'on',
      synchronous_commit: 'on',
      listen_addresses: '127.0.0.1',
      jit: 'off',
      max_connections: '100',
      server_encoding: 'UTF8',
      password_encryption: 'scram-sha-256',
    });
    const [locale] = await query(
      server.adminUrl,
      `SELECT datlocprovider AS p, datlocale AS l FROM pg_database WHERE datname = 'template1'`,
    );
    expect(locale).toEqual({ p: 'b', l: 'C.UTF-8' });
    expect(statSync(join(dataDir, 'server.json')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(dataDir, 'postgresql.log'), 'utf8')).toContain('ready to accept connections');
  });

  it('lets each role into its own database and nowhere else', async () => {
    const server = await start(join(folder(), 'postgres'));
    const truth = await server.createDatabase({ name: 'longshore', role: 'longshore' });
    const broker = await server.createDatabase({ name: 'broker', role: 'longshore_broker' });
    await expect(query(truth, 'CREATE TABLE runs (id int)')).resolves.toEqual([]);
    await expect(query(broker, 'CREATE SCHEMA jobs')).resolves.toEqual([]);
    for (const database of ['longshore', 'postgres', 'template1']) {
      const url = broker.replace(/\/broker$/, `/${database}`);
      await expect(query(url, 'SELECT 1')).rejects.toThrow('permission denied for database');
    }
    await expect(query(truth.replace(/\/longshore$/, '/broker'), 'SELECT 1')).rejects.toThrow(
      'permission denied',
    );
    await expect(query(broker.replace(/:[^:@]+@/, ':guess@'), 'SELECT 1')).rejects.toThrow(
      'password authentication failed',
    );
    await expect(query(broker, 'CREATE ROLE other')).rejects.toThrow('permission denied');
  });

  it('finds data, passwords and port again at the next start', async () => {
    const dataDir = join(folder(), 'postgres');
    const first = await start(dataDir);
    const url = await first.createDatabase({ name: 'longshore', role: 'longshore' });
    await query(url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await Promise.all([first.stop(), first.stop()]);
    const second = await start(dataDir);
    expect(second.port).toBe(first.port);
    expect(second.adoptedFrom).toBeUndefined();
    expect(await second.createDatabase({ name: 'longshore', role: 'longshore' })).toBe(url);
    expect(await query(url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('takes another port when that of the last start is busy, unless it must have it', async () => {
    const dataDir = join(folder(), 'postgres');
    const first = await start(dataDir);
    await first.stop();
    const other = createServer().listen(first.port, '127.0.0.1');
    await once(other, 'listening');
    cleanups.push(() => other.close());
    await expect(start(dataDir, { port: first.port })).rejects.toMatchObject({ problem: 'port_busy' });
    expect((await start(dataDir)).port).not.toBe(first.port);
  });

  it('stops with an open transaction in progress, which is rolled back', async () => {
    const dataDir = join(folder(), 'postgres');
    const server = await start(dataDir);
    const url = await server.createDatabase({ name: 'longshore', role: 'longshore' });
    await query(url, 'CREATE TABLE kept (id int)');
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    const ended = new Promise((resolve) => client.once('end', resolve));
    await client.connect();
    await client.query('BEGIN; INSERT INTO kept VALUES (1)');
    await server.stop();
    await ended;
    await start(dataDir);
    expect(await query(url, 'SELECT * FROM kept')).toEqual([]);
  });
});

describe('after a crash', () => {
  it('starts the server again on its port when that is killed, with everything committed', async () => {
    const dataDir = join(folder(), 'postgres');
    const server = await start(dataDir);
    const url = await server.createDatabase({ name: 'longshore', role: 'longshore' });
    await query(url, 'CREATE TABLE kept AS SELECT generate_series(1, 1000) AS id');
    const killed = postmasterIn(dataDir);
    process.kill(killed, 'SIGKILL');
    expect(await queryWhenUp(url, 'SELECT count(*)::int AS n FROM kept')).toEqual([{ n: 1000 }]);
    expect(postmasterIn(dataDir)).not.toBe(killed);
  });

  it('takes over the server whose parent was killed', async () => {
    const dataDir = join(folder(), 'postgres');
    const { child, told } = await startElsewhere(dataDir);
    await query(told.url, 'CREATE TABLE kept AS SELECT 1 AS id');
    const left = postmasterIn(dataDir);
    await kill(child);
    const server = await start(dataDir);
    expect(server.adoptedFrom).toBe(left);
    expect(server.port).toBe(told.port);
    expect(await query(told.url, 'SELECT id FROM kept')).toEqual([{ id: 1 }]);
    process.kill(left, 'SIGKILL');
    expect(await queryWhenUp(told.url, 'SELECT id FROM kept')).toEqual([{ id: 1 }]);
    await server.stop();
    await expect(query(told.url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
  });

  it('stops a server left behind that is not as it has to be, and starts its own', async () => {
    const dataDir = join(folder(), 'postgres');
    const { child, told } = await startElsewhere(dataDir);
    const left = postmasterIn(dataDir);
    await kill(child);
    const other = await start(dataDir, { port: told.port === 54_399 ? 54_398 : 54_399 });
    expect(other.adoptedFrom).toBeUndefined();
    expect(postmasterIn(dataDir)).not.toBe(left);
  });

  it('neither ends nor waits for a foreign process that has the id in a stale file', async () => {
    const dataDir = join(folder(), 'postgres');
    const first = await start(dataDir);
    await first.stop();
    const stranger = spawn('sleep', ['60'], isRoot ? { uid: NOBODY, gid: NOBODY } : {});
    cleanups.push(() => stranger.kill());
    const file = join(dataDir, 'cluster', 'postmaster.pid');
    writeFileSync(
      file,
      `${stranger.pid}\n${dataDir}/cluster\n1700000000\n${first.port}\n\n127.0.0.1\n 1 1\nready   \n`,
    );
    const second = await start(dataDir);
    expect(second.adoptedFrom).toBeUndefined();
    expect(await query(second.adminUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
  });

  it('sweeps away what a cluster that was never finished left, and an empty postmaster.pid', async () => {
    const dataDir = join(folder(), 'postgres');
    mkdirSync(join(dataDir, 'cluster.new', 'base'), { recursive: true });
    const first = await start(dataDir);
    expect(existsSync(join(dataDir, 'cluster.new'))).toBe(false);
    await first.stop();
    writeFileSync(join(dataDir, 'cluster', 'postmaster.pid'), '');
    await expect(start(dataDir)).resolves.toMatchObject({ host: '127.0.0.1' });
  });

  it('ends a server left behind on request, and says when there is none', async () => {
    const dataDir = join(folder(), 'postgres');
    const { child } = await startElsewhere(dataDir);
    const left = postmasterIn(dataDir);
    await expect(stopLeftBehindPostgres(dataDir)).rejects.toMatchObject({ problem: 'in_use' });
    await kill(child);
    await expect(stopLeftBehindPostgres(dataDir)).resolves.toBe(left);
    await expect(stopLeftBehindPostgres(dataDir)).resolves.toBeUndefined();
  });
});

describe('it refuses, in one sentence,', () => {
  it('a folder that another process or this one uses', async () => {
    const dataDir = join(folder(), 'postgres');
    await start(dataDir);
    await expect(start(dataDir)).rejects.toMatchObject({ problem: 'in_use' });
    const { told } = await startElsewhere(dataDir);
    expect(told.error).toBe(
      `Another running Longshore uses ${dataDir}: stop that one, or choose another folder with LONGSHORE_HOME.`,
    );
  });

  it('data of another major version, with the way to migrate', async () => {
    const dataDir = join(folder(), 'postgres');
    await (await start(dataDir)).stop();
    writeFileSync(join(dataDir, 'cluster', 'PG_VERSION'), '17\n');
    await expect(start(dataDir)).rejects.toMatchObject({
      problem: 'wrong_version',
      message: expect.stringMatching(/PostgreSQL 17 and this release brings PostgreSQL 18: .*pg_dumpall/),
    });
  });

  it('data without their passwords, and passwords without their data', async () => {
    const dataDir = join(folder(), 'postgres');
    await (await start(dataDir)).stop();
    const record = readFileSync(join(dataDir, 'server.json'));
    rmSync(join(dataDir, 'server.json'));
    await expect(start(dataDir)).rejects.toMatchObject({ problem: 'damaged' });
    writeFileSync(join(dataDir, 'server.json'), '{"passw');
    await expect(start(dataDir)).rejects.toMatchObject({ problem: 'damaged' });
    writeFileSync(join(dataDir, 'server.json'), record);
    rmSync(join(dataDir, 'cluster'), { recursive: true });
    await expect(start(dataDir)).rejects.toMatchObject({ problem: 'damaged' });
  });

  it('a folder in which it may not write', async () => {
    const closed = folder(0o555);
    const attempt = isRoot
      ? startElsewhere(join(closed, 'postgres'), NOBODY)
      : startElsewhere(join(closed, 'postgres'));
    expect((await attempt).told.error).toContain(`This user may not write in ${join(closed, 'postgres')}`);
  });
});

(isRoot ? describe : describe.skip)('started by root', () => {
  it('runs as nobody, in the home when nobody can reach it', async () => {
    const dataDir = join(folder(), 'postgres');
    await start(dataDir);
    const pid = postmasterIn(dataDir);
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
    expect(statSync(join(dataDir, 'cluster')).uid).toBe(NOBODY);
  });

  it('puts the data where nobody can reach them when the home is closed, and finds them again', async () => {
    const closed = mkdtempSync('/var/tmp/longshore-closed-');
    cleanups.push(() => rmSync(closed, { recursive: true, force: true }));
    chmodSync(closed, 0o700);
    const systemFolder = join(folder(), 'system');
    const dataDir = join(closed, 'postgres');
    const first = await start(dataDir, { systemFolder });
    const url = await first.createDatabase({ name: 'longshore', role: 'longshore' });
    await query(url, 'CREATE TABLE kept AS SELECT 1 AS id');
    await first.stop();
    expect(existsSync(join(dataDir, 'cluster'))).toBe(false);
    await start(dataDir, { systemFolder });
    expect(await query(url, 'SELECT id FROM kept')).toEqual([{ id: 1 }]);
  });

  it('serves a home that an ordinary user made, as that user', async () => {
    const home = folder(0o777);
    const { child, told } = await startElsewhere(join(home, 'postgres'), NOBODY);
    expect(told.error).toBeUndefined();
    await query(told.url, 'CREATE TABLE kept AS SELECT 1 AS id');
    await kill(child);
    await start(join(home, 'postgres'));
    expect(await query(told.url, 'SELECT id FROM kept')).toEqual([{ id: 1 }]);
  });
});

/** A file system of its own needs the right to mount one, which a container seldom has: then these are not run. */
function canMount(): boolean {
  const path = mkdtempSync('/tmp/longshore-mount-');
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'none', path], { stdio: 'ignore' });
    execFileSync('umount', [path]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

(canMount() ? describe : describe.skip)('on a disk of its own', () => {
  function disk(megabytes: number): string {
    const path = folder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'none', path]);
    cleanups.push(() => execFileSync('umount', ['--lazy', path]));
    return path;
  }

  it('that is too small it says so before it makes anything', async () => {
    const path = disk(20);
    await expect(start(join(path, 'postgres'))).rejects.toMatchObject({ problem: 'disk_full' });
    expect(existsSync(join(path, 'postgres', 'cluster'))).toBe(false);
  });

  it('that is full at a later start it says so, and starts when there is space again', async () => {
    const path = disk(220);
    const dataDir = join(path, 'postgres');
    await (await start(dataDir)).stop();
    execFileSync('sh', ['-c', `cat /dev/zero > ${path}/filler 2>/dev/null || true`]);
    await expect(start(dataDir)).rejects.toMatchObject({
      problem: 'disk_full',
      message: expect.stringContaining('is full: free some space and start again'),
    });
    rmSync(join(path, 'filler'));
    await expect(start(dataDir)).resolves.toMatchObject({ host: '127.0.0.1' });
  });

  it('that is read-only it says so', async () => {
    const path = disk(220);
    execFileSync('mount', ['-o', 'remount,ro', path]);
    await expect(start(join(path, 'postgres'))).rejects.toMatchObject({ problem: 'read_only' });
  });
});
