import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { keepResult } from './keep-result.ts';

let temporary: string;
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'longshore-keep-'));
});
afterEach(() => rmSync(temporary, { recursive: true }));

describe('the result of a demo', () => {
  it('is kept where it was asked for, for its owner alone', () => {
    const file = join(temporary, 'home', 'demo-result.json');
    expect(keepResult([1], file)).toBe(file);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual([1]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it.each(['/proc/longshore/demo-result.json', '/dev/null/demo-result.json'])(
    'goes into a new folder that is its own where it cannot be written: %s',
    (file) => {
      const kept = [keepResult([1], file, temporary), keepResult([2], file, temporary)];
      expect(kept.map((path) => JSON.parse(readFileSync(path, 'utf8')) as unknown)).toEqual([[1], [2]]);
      expect(kept.map((path) => statSync(dirname(path)).mode & 0o777)).toEqual([0o700, 0o700]);
    },
  );

  it('is not written through a link that somebody laid in wait', () => {
    const victim = join(temporary, 'victim');
    writeFileSync(victim, 'precious');
    symlinkSync(victim, join(temporary, 'longshore-demo-result.json'));
    keepResult([1], '/dev/null/demo-result.json', temporary);
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  });
});
