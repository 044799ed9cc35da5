import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { callersFolder, settingsFolder } from './callers-folder.ts';
import { configure, withAbsolutePaths } from './configuration.ts';
import { describeSource, settingsSource } from './settings-source.ts';

const checkout = resolve(import.meta.dirname, '../../../..');
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A folder with a home, and a folder far below it. */
function setup() {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'longshore-folders-')));
  cleanups.push(() => rmSync(root, { recursive: true }));
  const below = join(root, 'a', 'b');
  mkdirSync(below, { recursive: true });
  mkdirSync(join(root, '.longshore'));
  return { root, below };
}

const script = { npm_package_json: join(checkout, 'package.json'), npm_lifecycle_event: 'longshore' };

describe('the folder of the person who calls', () => {
  it('is the working directory', () => {
    const { below } = setup();
    expect(callersFolder({}, below)).toBe(below);
  });

  it('is where npm was called, when a script of the checkout runs this', () => {
    const { below } = setup();
    expect(callersFolder({ ...script, INIT_CWD: below }, checkout)).toBe(below);
  });

  it('is the working directory in scripts of others, and when that folder is gone', () => {
    const { root, below } = setup();
    const others = { npm_package_json: join(root, 'package.json'), npm_lifecycle_event: 'start' };
    writeFileSync(others.npm_package_json, '{}');
    expect(callersFolder({ ...others, INIT_CWD: below }, root)).toBe(root);
    expect(callersFolder({ ...script, npm_lifecycle_event: 'test', INIT_CWD: below }, checkout)).toBe(
      checkout,
    );
    expect(callersFolder({ ...script, INIT_CWD: join(below, 'gone') }, checkout)).toBe(checkout);
  });
});

describe('the folder whose settings count', () => {
  it('is the nearest one upward with a home', () => {
    const { root, below } = setup();
    expect(settingsFolder({}, below)).toBe(root);
    mkdirSync(join(root, 'a', '.longshore'));
    expect(settingsFolder({}, below)).toBe(join(root, 'a'));
  });

  it('is the working directory when that has an .env, or nothing is found', () => {
    const { below } = setup();
    writeFileSync(join(below, '.env'), '');
    expect(settingsFolder({}, below)).toBe(below);
    expect(settingsFolder({}, '/proc')).toBe('/proc');
  });

  it('is the checkout for its own scripts, wherever they are called', () => {
    const { below } = setup();
    expect(settingsFolder({ ...script, INIT_CWD: below }, below)).toBe(checkout);
    expect(settingsFolder({ ...script, INIT_CWD: below }, checkout)).toBe(checkout);
  });
});

describe('configuration', () => {
  it('finds the home above', () => {
    const { root, below } = setup();
    const config = configure(['longshoreHome', 'storageDir'], { env: {}, cwd: below });
    expect(config).toEqual({
      longshoreHome: join(root, '.longshore'),
      storageDir: join(root, '.longshore', 'files'),
    });
  });

  it('takes paths of the environment from here, and those of the .env from beside it', () => {
    const { root, below } = setup();
    writeFileSync(join(root, '.env'), 'STORAGE_DIR=stored\nPORT=9');
    const env = { LONGSHORE_HOME: '../mine' };
    expect(configure(['longshoreHome', 'storageDir', 'port'], { env, cwd: below })).toEqual({
      longshoreHome: join(root, 'a', 'mine'),
      storageDir: join(root, 'stored'),
      port: 9,
    });
  });

  it('reads the .env beside a home that LONGSHORE_HOME names, unless there is one here', () => {
    const { root, below } = setup();
    const elsewhere = setup().root;
    writeFileSync(join(elsewhere, '.env'), 'TASKS_DIR=tasks\nPORT=7');
    writeFileSync(join(root, '.env'), 'PORT=8');
    const env = { LONGSHORE_HOME: join(elsewhere, '.longshore') };
    expect(configure(['port'], { env, cwd: below }).port).toBe(7);
    expect(settingsSource(env, below)).toMatchObject({
      envFile: join(elsewhere, '.env'),
      taskFolders: [join(elsewhere, 'tasks')],
    });
    expect(configure(['port'], { env, cwd: root }).port).toBe(8);
    expect(settingsFolder({ ...script, ...env, INIT_CWD: below }, below)).toBe(elsewhere);
  });

  it('says what was read: which .env, which task folders', () => {
    const { root } = setup();
    expect(describeSource(settingsSource({}, root))).toBe(
      `Settings: the environment alone, there is no .env in ${root}. Task files: none.`,
    );
    writeFileSync(join(root, '.env'), 'TASK_DIR=/x');
    const source = settingsSource({ TASKS_DIR: '/one,two' }, root);
    expect(describeSource(source)).toBe(
      `Settings: ${join(root, '.env')}. Task files: /one, ${join(root, 'two')}.`,
    );
    expect(source.misspelt).toEqual(['TASK_DIR is not a setting: did you mean TASKS_DIR?']);
  });

  it('keeps what others read meant from here: lists of folders, files with secrets', () => {
    const env = {
      TASKS_DIR: 'one, /two',
      DATABASE_URL_FILE: 'url.txt',
      LOG_LEVEL: 'debug',
      STORAGE_DIR: ' ',
    };
    expect(withAbsolutePaths(env, '/here')).toEqual({
      TASKS_DIR: '/here/one,/two',
      DATABASE_URL_FILE: '/here/url.txt',
      LOG_LEVEL: 'debug',
      STORAGE_DIR: ' ',
    });
  });
});
