import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ConfigError } from './config-error.ts';
import type { ConfigKey } from './load-config.ts';
import { loadConfig } from './load-config.ts';

const folders: string[] = [];

/** A working directory of its own, with these files in it. */
function setup(files: Record<string, string> = {}): string {
  const cwd = mkdtempSync(join(tmpdir(), 'longshore-config-'));
  folders.push(cwd);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(cwd, name), content);
  return cwd;
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function problemsOf(load: () => unknown): ConfigError {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('There was no ConfigError');
}

/** Loads one key from one environment. */
function load<const K extends ConfigKey>(key: K, env: Record<string, string>) {
  return loadConfig([key], { env, cwd: setup() })[key];
}

describe('loadConfig', () => {
  it('gives just the keys asked for, typed, with defaults, and frozen', () => {
    const config = loadConfig(['port', 'brokerUrl', 'workerConcurrency', 'taskGroups'], {
      env: { BROKER_URL: 'redis://127.0.0.1:6379', PORT: '9000' },
      cwd: setup(),
    });
    const port: number = config.port;
    const brokerUrl: string = config.brokerUrl;
    const concurrency: number | undefined = config.workerConcurrency;
    // @ts-expect-error: a key that was not asked for is not there.
    const host: unknown = config.host;
    expect([port, brokerUrl, concurrency, host]).toEqual([
      9000,
      'redis://127.0.0.1:6379',
      undefined,
      undefined,
    ]);
    expect(config).toEqual({ port: 9000, brokerUrl: 'redis://127.0.0.1:6379', taskGroups: [] });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('reads .env in the working directory, and the environment before it', () => {
    const cwd = setup({ '.env': 'PORT=1111\nHOST="0.0.0.0" # all\n' });
    const config = loadConfig(['port', 'host'], { env: { PORT: '2222' }, cwd });
    expect(config).toEqual({ port: 2222, host: '0.0.0.0' });
  });

  it('reads other files when told to, and complains when they are not there', () => {
    const cwd = setup({ 'prod.env': 'PORT=3333\n', '.env': 'PORT=1111\n' });
    expect(loadConfig(['port'], { env: {}, cwd, envFiles: ['prod.env'] }).port).toBe(3333);
    const error = problemsOf(() => loadConfig(['port'], { env: {}, cwd, envFiles: ['stage.env'] }));
    expect(error.message).toContain('stage.env cannot be read: ENOENT');
  });

  it('lists everything that is wrong or missing in one message', () => {
    const env = { PORT: 'eighty', LOG_LEVEL: 'loud', WORKER_CONCURRENCY: '0', MAX_FILE_BYTES: '10 apples' };
    const error = problemsOf(() =>
      loadConfig(['port', 'databaseUrl', 'logLevel', 'workerConcurrency', 'maxFileBytes', 'host'], {
        env,
        cwd: setup(),
      }),
    );
    expect(error.problems.map(({ name }) => name)).toEqual([
      'PORT',
      'DATABASE_URL',
      'LOG_LEVEL',
      'WORKER_CONCURRENCY',
      'MAX_FILE_BYTES',
    ]);
    expect(error.message).toContain('PORT is not a whole number ("eighty"). Allowed: 0 to 65535');
    expect(error.message).toContain('DATABASE_URL is not set. Allowed: postgres://');
    expect(error.message).toContain('WORKER_CONCURRENCY is out of range ("0"). Allowed: 1 to 1000.');
  });

  it('never shows a secret, not even one in the wrong place', () => {
    const env = {
      DATABASE_URL: 'mysql://root:hunter2@db/x',
      INTERNAL_SERVICE_API_KEY: 'hunter2',
      INTERNAL_API_BASE_URL: 'ftp://me:hunter2@files/x',
    };
    const error = problemsOf(() =>
      loadConfig(['databaseUrl', 'internalServiceApiKey', 'internalApiBaseUrl'], { env, cwd: setup() }),
    );
    expect(error.problems).toHaveLength(3);
    expect(error.message).toContain('DATABASE_URL has the scheme mysql://');
    expect(JSON.stringify(error.problems) + error.message + error.stack).not.toContain('hunter2');
  });

  it('counts an empty variable as not set', () => {
    expect(load('port', { PORT: '' })).toBe(8000);
    expect(problemsOf(() => load('brokerUrl', { BROKER_URL: '  ' })).message).toContain('is not set');
  });

  it('can do without a required variable when the process says so', () => {
    const config = loadConfig(['brokerUrl'], { env: {}, cwd: setup(), optional: ['brokerUrl'] });
    const brokerUrl: string | undefined = config.brokerUrl;
    expect(brokerUrl).toBeUndefined();
  });

  it('derives the storage folder from the home', () => {
    expect(load('storageDir', {})).toBe('.longshore/files');
    expect(load('storageDir', { LONGSHORE_HOME: '/srv/longshore' })).toBe('/srv/longshore/files');
    expect(load('storageDir', { LONGSHORE_HOME: '/srv/longshore', STORAGE_DIR: '/data' })).toBe('/data');
  });
});

describe('secrets from files', () => {
  const key = 'a-key-of-sufficient-length';

  it('are read from NAME_FILE, without the line end', () => {
    const cwd = setup({ key: `${key}\n` });
    const env = { INTERNAL_SERVICE_API_KEY_FILE: 'key' };
    expect(loadConfig(['internalServiceApiKey'], { env, cwd }).internalServiceApiKey).toBe(key);
  });

  it('are read through aliases too, before what .env says', () => {
    const cwd = setup({ url: 'redis://from-file:6379', '.env': 'BROKER_URL=redis://from-dotenv:6379' });
    expect(loadConfig(['brokerUrl'], { env: { REDIS_URL_FILE: 'url' }, cwd }).brokerUrl).toBe(
      'redis://from-file:6379',
    );
  });

  it('are refused when the file is absent or empty, or when the value is set as well', () => {
    const cwd = setup({ empty: '\n', key });
    const problem = (env: Record<string, string>): string =>
      problemsOf(() => loadConfig(['internalServiceApiKey'], { env, cwd })).message;
    expect(problem({ INTERNAL_SERVICE_API_KEY_FILE: 'absent' })).toContain('cannot be read (ENOENT)');
    expect(problem({ INTERNAL_SERVICE_API_KEY_FILE: 'empty' })).toContain('a file that is empty');
    const both = problem({ INTERNAL_SERVICE_API_KEY_FILE: 'key', INTERNAL_SERVICE_API_KEY: key });
    expect(both).toContain('only one of them may be');
    expect(both).not.toContain(key);
  });

  it('are for secrets only', () => {
    const cwd = setup({ port: '1234' });
    expect(loadConfig(['port'], { env: { PORT_FILE: 'port' }, cwd }).port).toBe(8000);
  });
});

describe('the broker URL', () => {
  it.each(['redis://h:6379', 'rediss://h', 'postgres://u@h/db', 'postgresql://u@h/db'])('takes %s', (url) => {
    expect(load('brokerUrl', { BROKER_URL: url })).toBe(url);
  });

  it('understands its aliases in their order, after its own name', () => {
    const env = { CELERY_BROKER_BASE_URL: 'redis://c', REDIS_URL: 'redis://r' };
    expect(load('brokerUrl', { CELERY_BROKER_BASE_URL: 'redis://c' })).toBe('redis://c');
    expect(load('brokerUrl', env)).toBe('redis://r');
    expect(load('brokerUrl', { ...env, BROKER_URL: 'redis://b' })).toBe('redis://b');
  });

  it('takes in a password that was given apart, unless it has one', () => {
    const REDIS_PASSWORD = 'p@ss/word';
    expect(load('brokerUrl', { REDIS_URL: 'redis://h:6379/2', REDIS_PASSWORD })).toBe(
      'redis://:p%40ss%2Fword@h:6379/2',
    );
    expect(load('brokerUrl', { REDIS_URL: 'redis://:own@h', REDIS_PASSWORD })).toBe('redis://:own@h');
    expect(load('brokerUrl', { BROKER_URL: 'postgres://u@h/db', REDIS_PASSWORD })).toBe('postgres://u@h/db');
  });

  it('refuses RabbitMQ and says why', () => {
    const error = problemsOf(() => load('brokerUrl', { CELERY_BROKER_BASE_URL: 'amqp://guest:guest@mq' }));
    expect(error.message).toContain(
      'CELERY_BROKER_BASE_URL names RabbitMQ (amqp://), which cannot serve here',
    );
    expect(error.message).not.toContain('guest');
  });

  it.each(['localhost:6379', 'redis', 'http://h', 'redis://'])('refuses %s', (url) => {
    expect(() => load('brokerUrl', { BROKER_URL: url })).toThrow(ConfigError);
  });
});

describe('values', () => {
  it.each([
    ['DEBUG', 'debug'],
    ['info', 'info'],
    ['Warning', 'warn'],
    ['warn', 'warn'],
    ['ERROR', 'error'],
  ])('the level %s is %s', (text, level) => {
    expect(load('logLevel', { LOG_LEVEL: text })).toBe(level);
  });

  it.each([
    ['True', true],
    ['1', true],
    ['off', false],
    ['NO', false],
  ])('%s is %s', (text, value) => {
    expect(load('parentPipe', { LONGSHORE_PARENT_PIPE: text })).toBe(value);
  });

  it('seconds become milliseconds', () => {
    expect(load('shutdownGraceMs', {})).toBe(30_000);
    expect(load('sessionTimeoutMs', { SESSION_TIMEOUT: '1.5' })).toBe(1500);
    expect(() => load('shutdownGraceMs', { SHUTDOWN_GRACE: '-1' })).toThrow(ConfigError);
    expect(() => load('shutdownGraceMs', { SHUTDOWN_GRACE: '30s' })).toThrow(ConfigError);
  });

  it('sizes may have units', () => {
    expect(load('maxFileBytes', {})).toBe(104_857_600);
    expect(load('maxFileBytes', { MAX_FILE_BYTES: '2048' })).toBe(2048);
    expect(load('maxFileBytes', { MAX_FILE_BYTES: '3kib' })).toBe(3072);
    expect(load('maxRequestBytes', {})).toBe(1_073_741_824);
  });

  it('lists are split and trimmed', () => {
    expect(load('taskQueues', { TASK_QUEUES: ' high, default ,,low' })).toEqual(['high', 'default', 'low']);
    expect(load('taskGroups', { ACTION_GROUPS: 'A' })).toEqual(['A']);
  });

  it('queues have names that a queue can have, and all that have not are named', () => {
    expect(load('queueName', { QUEUE_NAME: 'files.low-1' })).toBe('files.low-1');
    expect(() => load('queueName', { QUEUE_NAME: 'a:b' })).toThrow(
      'QUEUE_NAME is no name that a queue can have',
    );
    expect(() => load('taskQueues', { TASK_QUEUES: 'a,b c,1d' })).toThrow(
      'names "b c", "1d", which no queue',
    );
  });

  it('folders are separated by commas or as in PATH', () => {
    expect(load('taskFolders', {})).toEqual([]);
    expect(load('taskFolders', { TASKS_DIR: ` a, /b/c${delimiter}d ` })).toEqual(['a', '/b/c', 'd']);
  });

  it('a health port insists, unless it is only a default', () => {
    expect(load('generalHealthPort', {})).toEqual({ value: 8081, explicit: false });
    expect(load('generalHealthPort', { GENERAL_HEALTH_PORT: '8081' })).toEqual({
      value: 8081,
      explicit: true,
    });
    expect(load('generalHealthPort', { GENERAL_HEALTH_PORT: '9000+' })).toEqual({
      value: 9000,
      explicit: false,
    });
    expect(() => load('generalHealthPort', { GENERAL_HEALTH_PORT: '65536' })).toThrow(ConfigError);
  });
});
