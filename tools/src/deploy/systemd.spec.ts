import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { coreWorkerNames } from '@longshore/contracts';
import { root } from '../run-steps.ts';

const folder = join(root, 'deploy/systemd');
const units = readdirSync(folder).filter((name) => name.endsWith('.service'));

const canVerify = ((): boolean => {
  try {
    execFileSync('systemd-analyze', ['--version'], { stdio: 'ignore' });
    return existsSync('/usr/bin/node');
  } catch {
    return false;
  }
})();

async function analyze(...args: string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)('systemd-analyze', args, { cwd: folder });
  return stdout + stderr;
}

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

(canVerify ? describe : describe.skip)('systemd', () => {
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
