import { once } from 'node:events';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import {
  cleanUp,
  cleanups,
  folder,
  isRoot,
  itAsNobody,
  NOBODY,
  query,
  start,
  startElsewhere,
} from './running-server.fixture.ts';

afterEach(cleanUp);

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

  itAsNobody('a folder in which it may not write', async () => {
    const closed = folder(0o555);
    const attempt = isRoot
      ? startElsewhere(join(closed, 'postgres'), NOBODY)
      : startElsewhere(join(closed, 'postgres'));
    expect((await attempt).told.error).toContain(`This user may not write in ${join(closed, 'postgres')}`);
  });
});
