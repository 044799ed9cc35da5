import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { binariesAt, installedBinaries } from './binaries.ts';
import { place } from './placement.ts';
import { canReach } from './server-user.ts';

const NOBODY = { uid: 65_534, gid: 65_534 };
const asRoot = process.getuid?.() === 0 ? describe : describe.skip;
const made: string[] = [];

function folder(mode: number): string {
  const path = realpathSync(mkdtempSync('/tmp/longshore-place-'));
  chmodSync(path, mode);
  made.push(path);
  return path;
}

afterEach(() => made.splice(0).forEach((path) => rmSync(path, { recursive: true, force: true })));

asRoot('placement as root', () => {
  const itIn = canReach(installedBinaries().root, NOBODY) ? it : it.skip;
  itIn('uses everything where it is when nobody can reach it', () => {
    const dataDir = folder(0o711);
    const installed = installedBinaries();
    const placement = place({ dataDir, knownData: undefined, installed });
    expect(placement).toEqual({ data: join(dataDir, 'cluster'), binaries: installed, user: NOBODY });
  });

  it('copies binaries out of a closed checkout, complete and runnable by nobody', () => {
    const { root, version } = installedBinaries();
    const checkout = folder(0o700);
    cpSync(root, join(checkout, 'native'), { recursive: true, verbatimSymlinks: true });
    chmodSync(join(checkout, 'native', 'bin', 'postgres'), 0o700);
    const systemFolder = join(folder(0o755), 'system');
    const request = { dataDir: folder(0o755), knownData: undefined, systemFolder };
    const { binaries } = place({ ...request, installed: binariesAt(join(checkout, 'native'), version) });
    expect(binaries.root).toBe(join(systemFolder, `postgresql-${version}`));
    expect(execFileSync(binaries.postgres, ['--version'], { ...NOBODY, cwd: '/' }).toString()).toContain(
      'PostgreSQL',
    );
    expect(place({ ...request, installed: binariesAt(join(checkout, 'native'), version) }).binaries).toEqual(
      binaries,
    );
  });

  it('keeps a throw-away home among the temporary files', () => {
    const dataDir = folder(0o700);
    const { data } = place({ dataDir, knownData: undefined, installed: installedBinaries() });
    made.push(join(data, '..'));
    expect(data).not.toContain(dataDir);
    expect(data).toMatch(/^\/tmp\/longshore-data-\w+\/cluster$/);
    expect(canReach(join(data, '..'), NOBODY)).toBe(true);
  });

  it('removes the data of throw-away homes that are gone, and of no others', () => {
    const [gone, kept] = [folder(0o700), folder(0o700)];
    const request = { knownData: undefined, installed: installedBinaries() };
    const holders = [gone, kept].map((dataDir) => join(place({ ...request, dataDir }).data, '..'));
    made.push(...holders);
    rmSync(gone, { recursive: true });
    made.push(join(place({ ...request, dataDir: folder(0o700) }).data, '..'));
    expect(holders.map((path) => existsSync(path))).toEqual([false, true]);
  });

  it('trusts no folder for programs that others could write to', () => {
    const { root, version } = installedBinaries();
    const checkout = folder(0o700);
    cpSync(root, join(checkout, 'native'), { recursive: true, verbatimSymlinks: true });
    const systemFolder = folder(0o777);
    const dataDir = folder(0o755);
    const installed = binariesAt(join(checkout, 'native'), version);
    const { binaries } = place({ dataDir, knownData: undefined, installed, systemFolder });
    expect(binaries.root).toBe(join(dataDir, `postgresql-${version}`));
    expect(existsSync(join(systemFolder, `postgresql-${version}`))).toBe(false);
    expect(statSync(binaries.root).uid).toBe(0);
  });
});
