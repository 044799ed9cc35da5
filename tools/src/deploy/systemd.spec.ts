import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { coreWorkerNames } from '@longshore/contracts';
import { root } from '../run-steps.ts';

const folder = join(root, 'deploy/systemd');
const units = readdirSync(folder).filter((name) => name.endsWith('.service'));

const systemdIsThere = ((): boolean => {
  try {
    return execFileSync('systemd-analyze', ['--version'], { stdio: 'ignore' }) === null;
  } catch {
    return false;
  }
})();

/** What docs/servers.md says of the units: 0 is the most contained, 10 the least. */
const HIGHEST_EXPOSURE = 1.5;

describe('the systemd units', () => {
  it('are one for the backend and one template for each worker', () => {
    const expected = [
      'longshore-backend.service',
      ...coreWorkerNames.map((name) => `longshore-${name}@.service`),
    ];
    expect(units.toSorted()).toEqual(expected.toSorted());
  });
});

(systemdIsThere ? describe : describe.skip)('systemd (needs systemd-analyze)', () => {
  let copied: string;

  beforeAll(() => {
    copied = mkdtempSync(join(tmpdir(), 'longshore-units-'));
    cpSync(folder, copied, { recursive: true });
    // It asks whether the program is there; on this machine Node may lie elsewhere than on a server.
    for (const unit of units) {
      const text = readFileSync(join(folder, unit), 'utf8');
      writeFileSync(join(copied, unit), text.replace('=/usr/bin/node ', `=${process.execPath} `));
    }
  });

  afterAll(() => rmSync(copied, { recursive: true }));

  async function analyze(...args: string[]): Promise<string> {
    const { stdout, stderr } = await promisify(execFile)('systemd-analyze', args, { cwd: copied });
    return stdout + stderr;
  }

  it.each(units)('finds nothing to say about %s', async (unit) => {
    // It ends with 0 on settings that it does not know, and merely mentions them.
    expect(await analyze('verify', `./${unit}`)).toBe('');
  });

  it.each(units)('finds %s well contained', async (unit) => {
    const text = await analyze('security', '--offline=true', `./${unit}`);
    const exposure = Number(/exposure level for \S+: ([\d.]+)/.exec(text)?.[1]);
    expect(exposure).toBeLessThanOrEqual(HIGHEST_EXPOSURE);
  });
});
