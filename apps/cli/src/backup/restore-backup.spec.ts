import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { holdHome } from '../home/hold-home.ts';
import { homeAt } from '../home/home.ts';
import { restoreBackup } from './restore-backup.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'longshore-restore-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function restoreDamaged(home: string, storageDir: string): Promise<unknown> {
  const file = join(folder, 'damaged.tar.zst');
  writeFileSync(file, 'this is no backup');
  return restoreBackup({ file, home: homeAt(home), storageDir, onProgress: () => undefined });
}

describe('a backup that cannot be restored', () => {
  it('leaves no folder behind that was not there before', async () => {
    const home = join(folder, 'srv', 'restored');
    await expect(restoreDamaged(home, join(home, 'files'))).rejects.toThrow();
    expect(existsSync(join(folder, 'srv'))).toBe(false);
  });

  it('takes away what a killed restore left, and nothing of another file store', async () => {
    const [home, ours, precious] = ['home', 'store', 'precious'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    for (const path of [home, ours, precious]) mkdirSync(path);
    writeFileSync(join(precious, 'photo.jpg'), 'x');
    writeFileSync(join(ours, 'half'), 'x');
    writeFileSync(join(home, 'credentials.json'), '{');
    writeFileSync(join(home, 'restoring'), ours);
    await expect(restoreDamaged(home, precious)).rejects.toThrow('is not empty');
    expect(readdirSync(precious)).toEqual(['photo.jpg']);
    expect(readdirSync(ours)).toEqual(['half']);
  });

  it('takes away what a killed restore left in its file store', async () => {
    const [home, ours] = [join(folder, 'home'), join(folder, 'store')];
    for (const path of [home, ours]) mkdirSync(path);
    writeFileSync(join(ours, 'half'), 'x');
    writeFileSync(join(home, 'restoring'), ours);
    await expect(restoreDamaged(home, ours)).rejects.toThrow('no backup');
    expect([readdirSync(home), readdirSync(ours)]).toEqual([[], []]);
  });

  it('touches nothing of one that goes on in another process', async () => {
    const home = join(folder, 'home');
    mkdirSync(home);
    const lock = await holdHome(homeAt(home));
    writeFileSync(join(home, 'restoring'), join(home, 'files'));
    mkdirSync(join(home, 'files'));
    await expect(restoreDamaged(home, join(home, 'files'))).rejects.toThrow();
    expect(readdirSync(home)).toEqual(expect.arrayContaining(['files', 'restoring']));
    lock.release();
  });

  it('leaves an empty home empty, and what lies beside it alone', async () => {
    const home = join(folder, 'home');
    mkdirSync(home);
    await expect(restoreDamaged(home, join(folder, 'store'))).rejects.toThrow();
    expect(readdirSync(folder).sort()).toEqual(['damaged.tar.zst', 'home']);
    expect(readdirSync(home)).toEqual([]);
  });
});
