import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  type CoreWorkerName,
  coreWorkerNames,
  coreWorkers,
  type WorkersResponse,
} from '@longshore/contracts';
import { type ConfigError, loadConfig } from '@longshore/runtime';
import { homeAt } from '../home/home.ts';
import { appEntry, looksLikeApp } from './app-entry.ts';
import { backendEnvironment, workerEnvironment } from './child-environment.ts';
import { writeDevelopmentSettings } from './development-settings.ts';
import { claimPort } from './ports.ts';
import { hasSession } from './readiness.ts';
import { loadSettings } from './settings.ts';

const addresses = {
  url: 'http://127.0.0.1:8000',
  port: 8000,
  databaseUrl: 'postgres://longshore:truth-password@127.0.0.1:5432/longshore',
  brokerUrl: 'postgres://broker:broker-password@127.0.0.1:5432/broker',
};
const credentials = {
  organisation: 'default',
  api_key: 'lsk_org_x',
  admin_key: 'lsk_adm_x',
  service_keys: {
    'api-deployment': 'key-1',
    general: 'key-2',
    'file-processing': 'key-3',
    callback: 'key-4',
  },
};
const given = { addresses, credentials };
const base = { LONGSHORE_HOME: '/tmp/home', PATH: '/bin' };

describe('the environment of a process', () => {
  it('shows no worker the way to the truth, nor keys of others', () => {
    const env = {
      ...base,
      DATABASE_URL: addresses.databaseUrl,
      BROKER_URL: 'redis://x',
      LONGSHORE_ADMIN_API_KEY: 'lsk_adm_0123456789',
    };
    const settings = loadSettings(coreWorkerNames, env);
    for (const worker of coreWorkerNames) {
      const text = JSON.stringify(workerEnvironment(worker, settings, given));
      expect(text).not.toContain('truth-password');
      expect(text).not.toContain('lsk_adm');
      expect(text).not.toContain('lsk_org');
    }
    expect(workerEnvironment('general', settings, given)).toMatchObject({
      PATH: '/bin',
      INTERNAL_API_BASE_URL: 'http://127.0.0.1:8000/internal',
      INTERNAL_SERVICE_API_KEY: 'key-2',
      BROKER_URL: addresses.brokerUrl,
    });
  });

  it('tells the backend where everything is', () => {
    const settings = loadSettings(coreWorkerNames, { ...base, SHUTDOWN_GRACE: '7', LOG_LEVEL: 'debug' });
    expect(backendEnvironment(settings, addresses)).toMatchObject({
      PORT: '8000',
      DATABASE_URL: addresses.databaseUrl,
      STORAGE_DIR: '/tmp/home/files',
      LONGSHORE_BOOTSTRAP_FILE: '/tmp/home/credentials.json',
      LONGSHORE_LOG_DIR: '/tmp/home/logs',
      SHUTDOWN_GRACE: '7',
      LOG_LEVEL: 'debug',
    });
  });

  it('chooses queues and groups of tasks for the general worker alone; the others keep to their own, whatever an .env says', () => {
    const chosen = { TASK_QUEUES: 'default,high_priority', ACTION_GROUPS: 'Texts' };
    const settings = loadSettings(coreWorkerNames, { ...base, ...chosen, QUEUE_NAME: 'low_priority' });
    expect(workerEnvironment('general', settings, given)).toMatchObject({
      ...chosen,
      QUEUE_NAME: 'low_priority',
    });
    for (const worker of ['api-deployment', 'file-processing', 'callback'] as const) {
      const env = workerEnvironment(worker, settings, given);
      // An .env in the folder of the platform says the same as the environment, and goes behind it.
      const config = loadConfig(['taskQueues', 'taskGroups'], { env, cwd: '/nowhere' });
      expect(config.taskQueues).toEqual(coreWorkers[worker].queues);
      expect(config.taskGroups).toEqual(['General']);
      expect(env).not.toHaveProperty('QUEUE_NAME');
      expect(env).not.toHaveProperty('ACTION_GROUPS');
    }
  });

  it('is refused where workers would have to use the database of the truth as broker', () => {
    const env = { ...base, DATABASE_URL: addresses.databaseUrl };
    expect(() => loadSettings(coreWorkerNames, env)).toThrow('BROKER_URL is not: name a broker too');
  });

  it('is written down for workers that are served by hand, for their owner alone', () => {
    const home = homeAt(mkdtempSync(join(tmpdir(), 'longshore-dev-')));
    writeDevelopmentSettings(home, ['general', 'callback'], given);
    expect(readdirSync(home.dev)).toEqual(['callback.env', 'general.env']);
    expect(statSync(join(home.dev, 'general.env')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(home.dev, 'general.env'), 'utf8')).toBe(
      `INTERNAL_API_BASE_URL="http://127.0.0.1:8000/internal"\nINTERNAL_SERVICE_API_KEY="key-2"\nBROKER_URL="${addresses.brokerUrl}"\n`,
    );
    writeDevelopmentSettings(home, ['general'], given);
    expect(readdirSync(home.dev)).toEqual(['general.env']);
    rmSync(home.folder, { recursive: true });
  });
});

describe('the settings of a platform', () => {
  const wrong = {
    ...base,
    PORT: 'eighty',
    SESSION_TIMEOUT: '0',
    MAX_FILE_BYTES: 'much',
    WORKER_CONCURRENCY: '0',
    TASK_QUEUES: 'files,a:b',
    CALLBACK_HEALTH_PORT: '99999',
  };
  const problemsOf = (workers: readonly CoreWorkerName[]): string[] => {
    try {
      loadSettings(workers, wrong);
      return [];
    } catch (error) {
      return (error as ConfigError).problems.map(({ name }) => name).sort();
    }
  };

  it('are refused with all that is wrong for the backend and for each worker, in one message', () => {
    const all = ['CALLBACK_HEALTH_PORT', 'MAX_FILE_BYTES', 'PORT', 'SESSION_TIMEOUT', 'TASK_QUEUES'];
    expect(problemsOf(coreWorkerNames)).toEqual([...all, 'WORKER_CONCURRENCY']);
    expect(problemsOf([])).toEqual(['MAX_FILE_BYTES', 'PORT', 'SESSION_TIMEOUT']);
  });

  it.each(['TASK_QUEUES', 'QUEUE_NAME'])(
    'are refused where %s names what the key of general is not for',
    (name) => {
      const load = (queues: string, workers = coreWorkerNames) =>
        loadSettings(workers, { ...base, [name]: queues });
      expect(() => load('images')).toThrow(
        `${name} names images, and the general worker of a platform may serve only general, high_priority, default, low_priority.`,
      );
      expect(() => load('images')).toThrow('--kind service --workers general --queues images');
      expect(() => load('images', ['callback'])).not.toThrow();
      expect(() => load('file_processing')).toThrow(
        'the queue of the worker file-processing, which serves it anyway',
      );
      expect(() => load('default')).not.toThrow();
    },
  );

  it('are not refused for a QUEUE_NAME that TASK_QUEUES goes before', () => {
    const env = { ...base, TASK_QUEUES: 'default', QUEUE_NAME: 'images' };
    expect(() => loadSettings(coreWorkerNames, env)).not.toThrow();
  });

  it('need nothing that is made here, and nothing that is set for each process', () => {
    expect(() => loadSettings(coreWorkerNames, { ...base, INTERNAL_SERVICE_API_KEY: 'short' })).not.toThrow();
  });
});

describe('a port', () => {
  it('is refused in a sentence when another program has it', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(claimPort('127.0.0.1', port)).rejects.toThrow(
      `Port ${port} of 127.0.0.1 is in use by another program`,
    );
    other.close();
    await expect(claimPort('127.0.0.1', 0)).resolves.toBeGreaterThan(0);
    await expect(claimPort('192.0.2.1', 0)).rejects.toThrow('This machine has no address 192.0.2.1');
  });
});

describe('a worker', () => {
  const session = {
    session_id: '019a0000-0000-7000-8000-000000000000',
    instance: 'x',
    hostname: 'h',
    pid: 1,
    concurrency: 1,
    active: 0,
    state: 'active' as const,
    health_port: null,
    started_at: '2026-01-01T00:00:00Z',
    seen_ms_ago: 500,
  };
  const answer = (changes: Partial<typeof session>): WorkersResponse => ({
    pools: [{ pool: 'p', worker: 'general', queues: [], tasks: [], sessions: [{ ...session, ...changes }] }],
  });

  it('is registered once a session was heard of since its process began', () => {
    expect(hasSession(answer({}), 'general', 1000)).toBe(true);
    expect(hasSession(answer({ seen_ms_ago: 1500 }), 'general', 1000)).toBe(false);
    expect(hasSession(answer({}), 'callback', 1000)).toBe(false);
  });
});

describe('a process that may be left over', () => {
  it('is known by the file it runs', () => {
    expect(looksLikeApp(['/usr/bin/node', appEntry('backend')], 'backend')).toBe(true);
    expect(looksLikeApp(['/usr/bin/node', appEntry('general')], 'backend')).toBe(false);
    expect(looksLikeApp(['vim', 'notes/backend/readme'], 'backend')).toBe(false);
  });
});
