import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  cleanUp,
  cleanups,
  folder,
  isRoot,
  itAsNobody,
  kill,
  NOBODY,
  postmasterIn,
  query,
  start,
  startElsewhere,
} from './running-server.fixture.ts';

afterEach(cleanUp);

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

  itAsNobody('serves a home that an ordinary user made, as that user', async () => {
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
