import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { stopLeftBehindPostgres } from './index.ts';
import {
  cleanUp,
  cleanups,
  folder,
  isRoot,
  kill,
  NOBODY,
  postmasterIn,
  query,
  queryWhenUp,
  start,
  startElsewhere,
} from './running-server.fixture.ts';

afterEach(cleanUp);

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

  it('waits for sessions that outlive a killed server', async () => {
    const dataDir = join(folder(), 'postgres');
    const { child, told } = await startElsewhere(dataDir);
    const client = new pg.Client({ connectionString: told.url });
    client.on('error', () => undefined);
    await client.connect();
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const session = rows[0]?.pid ?? 0;
    process.kill(session, 'SIGSTOP');
    await kill(child);
    process.kill(postmasterIn(dataDir), 'SIGKILL');
    const starting = start(dataDir);
    const log = join(dataDir, 'postgresql.log');
    while (!readFileSync(log, 'utf8').includes('pre-existing shared memory block')) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    process.kill(session, 'SIGCONT');
    await expect(starting).resolves.toMatchObject({ host: '127.0.0.1' });
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
