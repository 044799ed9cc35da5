import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { makeFolder } from './make-folder.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'longshore-folder-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** /proc refuses new folders on Linux; elsewhere it is not there. */
const onLinux = existsSync('/proc/self') ? it : it.skip;

describe('a folder', () => {
  it('is made with all that is missing above it, for whom the mode says', () => {
    makeFolder(join(root, 'a', 'b'), 0o700);
    expect(statSync(join(root, 'a')).mode & 0o777).toBe(0o700);
    expect(statSync(join(root, 'a', 'b')).isDirectory()).toBe(true);
  });

  it('that is there is left as it is', () => {
    const there = join(root, 'there');
    mkdirSync(there);
    chmodSync(there, 0o750);
    makeFolder(there, 0o700);
    expect(statSync(there).mode & 0o777).toBe(0o750);
  });

  it('that a file stands in the way of is an error', () => {
    writeFileSync(join(root, 'file'), '');
    expect(() => makeFolder(join(root, 'file', 'a'))).toThrow('ENOTDIR');
  });

  onLinux('that no system would make is an error at once', () => {
    expect(() => makeFolder('/proc/longshore/a/b')).toThrow('ENOENT');
  });
});
