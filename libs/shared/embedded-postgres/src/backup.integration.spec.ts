import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { backUpCluster, beginClusterRestore, type ClusterEntry } from './index.ts';
import { cleanUp, cleanups, folder, query, start } from './running-server.fixture.ts';

afterEach(cleanUp);

const LOCK = 4711;

/** A server with a database in which numbers are added, one commit each, until told to stop. */
async function busyServer() {
  const dataDir = join(folder(), 'postgres');
  const server = await start(dataDir);
  const url = await server.createDatabase({ name: 'longshore', role: 'longshore' });
  await query(url, 'CREATE TABLE numbers (n int PRIMARY KEY, padding text)');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  let written = 0;
  let isWanted = true;
  const writing = (async () => {
    for (; isWanted; written += 1) {
      await client.query(`INSERT INTO numbers VALUES ($1::int, repeat(md5($1::int::text), 50))`, [written]);
      // Checkpoints recycle the log and write pages out while they are being copied.
      if (written % 200 === 0) await query(server.adminUrl, 'CHECKPOINT');
    }
    await client.end();
  })();
  const stop = async () => {
    isWanted = false;
    await writing;
  };
  return { dataDir, server, url, stop, written: () => written };
}

/** Backs up into a folder that is being restored into. Answers with how much was written when the copy of the rows ended. */
async function copyInto(target: string, busy: Awaited<ReturnType<typeof busyServer>>) {
  const restore = beginClusterRestore({ dataDir: target });
  const seen = { before: busy.written(), committed: 0, after: 0, entries: [] as ClusterEntry[] };
  await backUpCluster({
    dataDir: busy.dataDir,
    hold: { database: 'longshore', lock: LOCK },
    async add(entry) {
      seen.entries.push(entry);
      // The last file before the copy of the rows ends.
      if (entry.path === 'cluster/global/pg_control') seen.committed = busy.written();
      const path = restore.pathOf(entry.path);
      mkdirSync(entry.kind === 'folder' ? path : dirname(path), { recursive: true });
      if (entry.kind === 'folder') return;
      const content = await buffer(entry.content());
      expect(content.length).toBe(entry.size);
      writeFileSync(path, content);
    },
    async afterwards() {
      seen.after = busy.written();
    },
  });
  return { restore, seen };
}

describe('a backup of a server that is written to', () => {
  it('holds everything that was committed when it ended, and starts elsewhere with the same passwords', async () => {
    const busy = await busyServer();
    cleanups.push(busy.stop);
    while (busy.written() < 500) await new Promise((resolve) => setTimeout(resolve, 10));
    const target = join(folder(), 'postgres');
    const { restore, seen } = await copyInto(target, busy);
    restore.finish();
    while (busy.written() < seen.after + 100) await new Promise((resolve) => setTimeout(resolve, 10));
    const server = await start(target);
    const url = busy.url.replace(/:\d+\//, `:${server.port}/`);
    expect(server.port).not.toBe(busy.server.port);
    const [row] = await query(
      url,
      'SELECT count(*)::int AS n, max(n) AS last, sum(length(padding))::int AS length FROM numbers',
    );
    const { n, last, length } = row as { n: number; last: number; length: number };
    expect([last, length]).toEqual([n - 1, n * 1600]);
    expect(seen.committed).toBeGreaterThan(seen.before);
    expect(n).toBeGreaterThanOrEqual(seen.committed);
    expect(n).toBeLessThanOrEqual(seen.after + 1);
    await query(url, 'INSERT INTO numbers VALUES (-1, $$new$$)');
    const slots = await query(busy.server.adminUrl, 'SELECT slot_name FROM pg_replication_slots');
    expect(slots).toEqual([]);
  });

  it('leaves out what belongs to the running server', async () => {
    const busy = await busyServer();
    cleanups.push(busy.stop);
    const { restore, seen } = await copyInto(join(folder(), 'postgres'), busy);
    restore.abandon();
    const paths = seen.entries.map(({ path }) => path);
    expect(paths).not.toContain('cluster/postmaster.pid');
    expect(paths).toEqual(
      expect.arrayContaining(['cluster/backup_label', 'cluster/PG_VERSION', 'server.json']),
    );
    expect(
      paths.filter((path) => path.startsWith('cluster/pg_wal/')).every((path) => /[0-9A-F]{24}$/.test(path)),
    ).toBe(true);
    const control = paths.indexOf('cluster/global/pg_control');
    expect(paths.slice(control + 1, control + 2)).toEqual(['cluster/backup_label']);
  });

  it('keeps whoever removes things from it until everything is copied', async () => {
    const busy = await busyServer();
    await busy.stop();
    const isFree = async () => {
      const [row] = await query(busy.url, 'SELECT pg_try_advisory_xact_lock(4711) AS free');
      return (row as { free: boolean }).free;
    };
    const seen: boolean[] = [];
    const look = async () => void seen.push(await isFree());
    let isFirst = true;
    const add = async () => {
      if (isFirst) await look();
      isFirst = false;
    };
    await backUpCluster({
      dataDir: busy.dataDir,
      hold: { database: 'longshore', lock: LOCK },
      add,
      afterwards: look,
    });
    await look();
    expect(seen).toEqual([false, false, true]);
  });

  it('refuses a folder with a database, and one where none runs', async () => {
    const busy = await busyServer();
    await busy.stop();
    expect(() => beginClusterRestore({ dataDir: busy.dataDir })).toThrow(/holds a database already/);
    await busy.server.stop();
    const hold = { database: 'longshore', lock: LOCK };
    const nothing = async () => undefined;
    await expect(
      backUpCluster({ dataDir: busy.dataDir, hold, add: nothing, afterwards: nothing }),
    ).rejects.toMatchObject({
      problem: 'damaged',
    });
  });
});
