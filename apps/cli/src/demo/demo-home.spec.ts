import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sweepDemoHomes } from './demo-home.ts';

let temporary: string;
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'longshore-sweep-'));
});
afterEach(() => rmSync(temporary, { recursive: true, force: true }));

function old(path: string): string {
  const anHourAgo = Date.now() / 1000 - 3600;
  utimesSync(path, anHourAgo, anHourAgo);
  return path;
}

describe('sweeping what demos left', () => {
  it('removes an old home and keeps a young one', async () => {
    const left = join(temporary, 'longshore-demo-a');
    const young = join(temporary, 'longshore-demo-b');
    for (const folder of [left, young]) mkdirSync(folder);
    old(left);
    await sweepDemoHomes(Date.now(), temporary);
    expect([existsSync(left), existsSync(young)]).toEqual([false, true]);
  });

  it('leaves a file alone that merely looks like one', async () => {
    const file = join(temporary, 'longshore-demo-result.json');
    writeFileSync(file, '[]');
    old(file);
    await sweepDemoHomes(Date.now(), temporary);
    expect(existsSync(file)).toBe(true);
  });
});
