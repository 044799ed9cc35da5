import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { coreWorkerNames } from '@longshore/contracts';
import { packedKinds } from './run-packed.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function setup(more: NodeJS.ProcessEnv = {}) {
  const cwd = mkdtempSync(join(tmpdir(), 'longshore-packed-'));
  folders.push(cwd);
  for (const name of coreWorkerNames) writeFileSync(join(cwd, name), `lsk_svc_${name}_0123456789`);
  const env = {
    BROKER_URL: 'redis://127.0.0.1:6379',
    INTERNAL_SERVICE_API_KEY_FILE: join(cwd, '<worker>'),
    ...more,
  };
  return (...argv: string[]) => packedKinds(argv, env, cwd);
}

describe('several kinds of worker in one process', () => {
  it('are all of them, or those that are named', () => {
    const kinds = setup();
    expect(kinds().map(({ kind }) => kind)).toEqual([...coreWorkerNames]);
    expect(kinds('callback', 'api-deployment').map(({ kind }) => kind)).toEqual([
      'api-deployment',
      'callback',
    ]);
    expect(() => kinds('payroll')).toThrow(/names no worker: payroll/);
  });

  it('have keys, queues and slots of their own', () => {
    const [plans, finishes] = setup({ CALLBACK_AUTOSCALE: '7,3' })('api-deployment', 'callback');
    expect(plans?.config).toMatchObject({
      serviceKey: 'lsk_svc_api-deployment_0123456789',
      queues: ['api_deployments'],
      minConcurrency: 1,
    });
    expect(finishes?.config).toMatchObject({
      serviceKey: 'lsk_svc_callback_0123456789',
      concurrency: 7,
      minConcurrency: 3,
    });
  });

  it('take a number of runs at once and a level for all, but no queues', () => {
    const kinds = setup();
    const numbers = kinds('-c', '9', '-l', 'DEBUG').map(({ config }) => [
      config.concurrency,
      config.logLevel,
    ]);
    expect(numbers).toEqual(coreWorkerNames.map(() => [9, 'debug']));
    expect(() => kinds('-q', 'default')).toThrow(/queues of one worker alone/);
  });

  it('load no task files of others, and are one process', () => {
    const withTaskFiles = setup({ TASKS_DIR: '/tasks' });
    expect(() => withTaskFiles()).toThrow(/run general by itself/);
    expect(withTaskFiles('callback', 'api-deployment')).toHaveLength(2);
    expect(() => setup({ WORKER_COUNT: '2' })()).toThrow(/1 where workers are packed/);
  });
});
