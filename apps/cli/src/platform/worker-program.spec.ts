import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { coreWorkerNames } from '@longshore/contracts';
import { checkPrograms, packedPrograms, workerPrograms, workersOf } from './worker-program.ts';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function setup(files: Record<string, string> = {}) {
  const cwd = mkdtempSync(join(tmpdir(), 'longshore-worker-'));
  folders.push(cwd);
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(join(cwd, file, '..'), { recursive: true });
    writeFileSync(join(cwd, file), content);
  }
  return cwd;
}

const KEY = 'INTERNAL_SERVICE_API_KEY=lsk_0123456789abcdef\n';

describe('longshore worker', () => {
  it('understands short names, and takes each worker once', () => {
    expect(workersOf(['api', 'general', 'api-deployment'])).toEqual(['api-deployment', 'general']);
    expect(workersOf(['all', 'file'])).toHaveLength(coreWorkerNames.length);
  });

  it('starts each as its own program, with its own key and its part of the memory', () => {
    const cwd = setup();
    const env = {
      INTERNAL_SERVICE_API_KEY_FILE: '/keys/service_key_<worker>',
      NODE_OPTIONS: '--max-old-space-size-percentage=80',
    };
    const flags = { concurrency: '8', count: '2', logLevel: 'DEBUG' };
    const [api, file] = workerPrograms(['api-deployment', 'file-processing'], flags, { env, cwd });
    expect(api).toMatchObject({
      name: 'api-deployment',
      args: [expect.stringContaining('api-deployment'), '-c', '8'],
      env: {
        ...{ INTERNAL_SERVICE_API_KEY_FILE: '/keys/service_key_api-deployment', WORKER_COUNT: '2' },
        ...{ NODE_OPTIONS: '--max-old-space-size-percentage=40', LOG_LEVEL: 'DEBUG' },
      },
    });
    expect(file?.env?.['INTERNAL_SERVICE_API_KEY_FILE']).toBe('/keys/service_key_file-processing');
    const [general] = workerPrograms(['general'], { autoscale: '9,3', port: '9000' }, { env, cwd });
    expect(general?.env).toMatchObject({ GENERAL_AUTOSCALE: '9,3', GENERAL_HEALTH_PORT: '9000' });
    expect(general?.args).toEqual(['--max-semi-space-size=16', expect.stringContaining('general')]);
  });

  it('refuses what a worker would refuse, before any is started', () => {
    const cwd = setup({ '.env': KEY });
    const check = (env: Record<string, string>, flags = {}) =>
      checkPrograms(
        workerPrograms(['general'], flags, { env: { BROKER_URL: 'redis://127.0.0.1', ...env }, cwd }),
        cwd,
      );
    expect(check({ SHUTDOWN_GRACE: '5' }).shutdownGraceMs).toBe(5_000);
    expect(() => check({}, { count: '21' })).toThrow(/WORKER_COUNT .*1 to 20/);
    expect(() => check({}, { autoscale: '1,2' })).toThrow('GENERAL_AUTOSCALE');
    expect(() => check({ BROKER_URL: '' })).toThrow('BROKER_URL');
  });

  it('reads the settings of a platform beside it, as the worker itself does', () => {
    const cwd = setup({ '.longshore/dev/callback.env': `${KEY}BROKER_URL=redis://127.0.0.1\n` });
    const of = (worker: 'callback' | 'general') => workerPrograms([worker], {}, { env: {}, cwd });
    expect(() => checkPrograms(of('callback'), cwd)).not.toThrow();
    expect(() => checkPrograms(of('general'), cwd)).toThrow('INTERNAL_SERVICE_API_KEY');
  });
});

describe('longshore worker --packed', () => {
  const env = { INTERNAL_SERVICE_API_KEY_FILE: '/keys/<worker>' };

  it('runs all in one process, which finds the key of each by itself', () => {
    const programs = packedPrograms(coreWorkerNames, { concurrency: '3' }, { env, cwd: setup() });
    expect(programs).toMatchObject([{ name: 'packed', env }]);
    expect(programs[0]?.args?.slice(1)).toEqual([...coreWorkerNames, '-c', '3']);
  });

  it('leaves a general worker with task files a process of its own', () => {
    const cwd = setup({ '.env': 'TASKS_DIR=tasks\n' });
    const [pack, alone, ...others] = packedPrograms(coreWorkerNames, {}, { env, cwd });
    expect(pack?.args?.slice(1)).toEqual(coreWorkerNames.filter((name) => name !== 'general'));
    expect(alone).toMatchObject({ name: 'general', env: { INTERNAL_SERVICE_API_KEY_FILE: '/keys/general' } });
    expect(others).toEqual([]);
  });

  it('is refused where each worker was to run in several processes', () => {
    const cwd = setup({ '.env': 'WORKER_COUNT=3\n' });
    expect(() => packedPrograms(coreWorkerNames, {}, { env, cwd })).toThrow(
      'WORKER_COUNT is 3, and packed workers are one process',
    );
  });

  it('is no pack with one worker', () => {
    const programs = packedPrograms(['callback'], {}, { env, cwd: setup() });
    expect(programs.map(({ name }) => name)).toEqual(['callback']);
  });
});
