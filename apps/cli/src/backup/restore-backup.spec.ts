import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
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

  it('leaves an empty home empty, and what lies beside it alone', async () => {
    const home = join(folder, 'home');
    mkdirSync(home);
    await expect(restoreDamaged(home, join(folder, 'store'))).rejects.toThrow();
    expect(readdirSync(folder).sort()).toEqual(['damaged.tar.zst', 'home']);
    expect(readdirSync(home)).toEqual([]);
  });
});
