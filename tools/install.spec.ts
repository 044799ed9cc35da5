import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';

const made: string[] = [];
afterEach(() => made.splice(0).forEach((path) => rmSync(path, { recursive: true, force: true })));

const LOCK = {
  packages: {
    '': { name: 'x' },
    'apps/a': { version: '1.0.0' },
    'node_modules/one': { version: '1.2.3' },
    'node_modules/elsewhere': { version: '1.0.0', optional: true },
  },
};

/** Stands for npm: writes down how it was called and installs what the lock says, or fails as told. */
const NPM = `
const { appendFileSync, mkdirSync, writeFileSync, rmSync } = require('node:fs');
if (process.argv.includes('--dry-run')) process.exit(process.env.OUT_OF_SYNC ? 1 : 0);
appendFileSync('calls', process.argv.slice(2).join(' ') + '\\n');
console.log('npm talks');
if (process.env.NPM_FAILS) { console.error('npm complains'); process.exit(7); }
rmSync('node_modules', { recursive: true, force: true });
mkdirSync('node_modules');
writeFileSync('node_modules/.package-lock.json', JSON.stringify({ packages: { 'node_modules/one': { version: '1.2.3' } } }));
`;

function setup() {
  const root = mkdtempSync(join(tmpdir(), 'longshore-install-'));
  made.push(root);
  mkdirSync(join(root, 'tools'));
  cpSync(join(import.meta.dirname, 'install.mjs'), join(root, 'tools', 'install.mjs'));
  writeFileSync(join(root, 'npm-cli.cjs'), NPM);
  const writeLock = (value: unknown): void =>
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify(value));
  writeLock(LOCK);
  const run = (args: string[] = [], env: Record<string, string> = {}) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['tools/install.mjs', ...args], {
      cwd: root,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], npm_execpath: join(root, 'npm-cli.cjs'), ...env },
    });
    return { status, stdout, stderr };
  };
  const calls = (): number =>
    existsSync(join(root, 'calls')) ? readFileSync(join(root, 'calls'), 'utf8').trim().split('\n').length : 0;
  return { root, run, calls, writeLock };
}

describe('the installer', () => {
  it('installs once, says so in one line on standard error, and then has nothing to do', () => {
    const { root, run, calls } = setup();
    expect(run(['--quiet'])).toEqual({
      status: 0,
      stdout: '',
      stderr: 'Installing packages (npm ci); this is needed once and takes about a minute.\n',
    });
    expect(readFileSync(join(root, 'calls'), 'utf8')).toMatch(/^ci --include=dev --include=optional /);
    expect(run(['--quiet'])).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(run()).toEqual({ status: 0, stdout: '', stderr: 'The packages are installed.\n' });
    expect(calls()).toBe(1);
  });

  it('installs again when the lock names another version', () => {
    const { run, calls, writeLock } = setup();
    run();
    writeLock({ packages: { 'node_modules/one': { version: '1.2.4' } } });
    run();
    expect(calls()).toBe(2);
  });

  it('leaves packages alone that somebody else installed from this lock', () => {
    const { root, run, calls } = setup();
    mkdirSync(join(root, 'node_modules'));
    const packages = { 'node_modules/one': { version: '1.2.3' } };
    writeFileSync(join(root, 'node_modules', '.package-lock.json'), JSON.stringify({ packages }));
    expect(run(['--quiet'])).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(calls()).toBe(0);
  });

  it('does not take an unfinished node_modules for an install', () => {
    const { root, run, calls } = setup();
    mkdirSync(join(root, 'node_modules', 'one'), { recursive: true });
    run();
    expect(calls()).toBe(1);
  });

  it("shows npm's complaint, keeps its exit code, and tries again the next time", () => {
    const { run, calls } = setup();
    const failed = run([], { NPM_FAILS: '1' });
    expect(failed).toMatchObject({ status: 7, stdout: '' });
    expect(failed.stderr).toContain('npm complains\nnpm ci failed (exit code 7)');
    expect(run().status).toBe(0);
    expect(calls()).toBe(2);
  });

  it('installs what the lock names even where npm finds that lock incomplete', () => {
    const { root, run } = setup();
    expect(run([], { OUT_OF_SYNC: '1' })).toMatchObject({ status: 0 });
    expect(readFileSync(join(root, 'calls'), 'utf8')).toMatch(/^install --no-save --include=dev /);
  });

  it('makes a lock where there is none', () => {
    const { root, run } = setup();
    rmSync(join(root, 'package-lock.json'));
    const npm = join(root, 'npm-cli.cjs');
    writeFileSync(npm, `${readFileSync(npm, 'utf8')}\nwriteFileSync('package-lock.json', '{}');`);
    expect(run().status).toBe(0);
    expect(readFileSync(join(root, 'calls'), 'utf8')).toMatch(/^install /);
  });
});
