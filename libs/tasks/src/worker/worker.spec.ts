import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@longshore/runtime';
import { besidePlatform } from './beside-platform.ts';
import type { Flags } from './flags.ts';
import { helpText, parseFlags } from './flags.ts';
import { healthPortVariable } from './own-variables.ts';
import { loadWorkerConfig } from './worker-config.ts';
import type { HealthFacts } from './worker-health.ts';
import { healthOf } from './worker-health.ts';

const OWN = { healthPort: 'GENERAL_HEALTH_PORT', autoscale: 'GENERAL_AUTOSCALE' };
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function load(
  env: Record<string, string> = {},
  name = 'general',
  files: Record<string, string> = {},
  chose?: Flags['chose'],
) {
  const cwd = mkdtempSync(join(tmpdir(), 'longshore-worker-'));
  folders.push(cwd);
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(join(cwd, file, '..'), { recursive: true });
    writeFileSync(join(cwd, file), content);
  }
  const needed = { BROKER_URL: 'redis://127.0.0.1', INTERNAL_SERVICE_API_KEY: 'lsk_0123456789abcdef' };
  const defaults = { name, defaultConcurrency: 6, defaultMinConcurrency: 2, defaultHealthPort: 9000 };
  const given = Object.keys(files).length > 0 ? env : { ...needed, ...env };
  return loadWorkerConfig(defaults, { env: given, cwd, ...(chose && { chose }) });
}

describe('the configuration of a worker', () => {
  it('chooses queues: -q and TASK_QUEUES before QUEUE_NAME before its own', () => {
    expect(load().queues).toEqual(['general', 'high_priority', 'default', 'low_priority']);
    expect(load({}, 'not-ours').queues).toEqual(['not-ours']);
    expect(load({ QUEUE_NAME: 'one' }).queues).toEqual(['one']);
    expect(load({ QUEUE_NAME: 'one', TASK_QUEUES: 'b, a,b' }).queues).toEqual(['b', 'a']);
    const { env } = parseFlags(['-q', 'c,d'], OWN);
    expect(load({ TASK_QUEUES: 'a', ...env }).queues).toEqual(['c', 'd']);
  });

  it('takes its health port from its own variable: a default one may move, one that was named may not', () => {
    expect(healthPortVariable('file-processing')).toBe('FILE_PROCESSING_HEALTH_PORT');
    expect(load().healthPort).toEqual({ value: 8081, explicit: false });
    expect(load({ GENERAL_HEALTH_PORT: '9100' }).healthPort).toEqual({ value: 9100, explicit: true });
    expect(load({}, 'not-ours').healthPort).toEqual({ value: 9000, explicit: false });
    expect(load({ NOT_OURS_HEALTH_PORT: '9200' }, 'not-ours').healthPort).toEqual({
      value: 9200,
      explicit: true,
    });
  });

  it('lets each flag go before its variable', () => {
    const { env } = parseFlags(['-c', '9', '-p', '9999', '-l', 'debug', '-n', 'mine'], OWN);
    const config = load({ WORKER_CONCURRENCY: '2', LOG_LEVEL: 'ERROR', ...env });
    expect(config).toMatchObject({ concurrency: 9, logLevel: 'debug', instance: 'mine', logName: 'mine' });
    expect(config.healthPort).toEqual({ value: 9999, explicit: true });
  });

  it('moves between the bounds of its worker, or has as many slots as it was told', () => {
    const slots = (env: Record<string, string>, ...flags: string[]) => {
      const { chose, env: given } = parseFlags(flags, OWN);
      const { concurrency, minConcurrency } = load({ ...env, ...given }, 'general', {}, chose);
      return [concurrency, minConcurrency];
    };
    expect(slots({})).toEqual([6, 2]);
    expect(slots({ WORKER_CONCURRENCY: '9' })).toEqual([9, 9]);
    expect(slots({ WORKER_CONCURRENCY: '9', GENERAL_AUTOSCALE: '8,3' })).toEqual([8, 3]);
    expect(slots({ GENERAL_AUTOSCALE: '8,3' }, '-c', '5')).toEqual([5, 5]);
    expect(slots({ WORKER_CONCURRENCY: '9' }, '--autoscale', '7, 1')).toEqual([7, 1]);
    expect(() => slots({ GENERAL_AUTOSCALE: '1,5' })).toThrow('has the least first');
    expect(() => slots({ GENERAL_AUTOSCALE: '5,0' })).toThrow('is out of range');
    expect(load({ NOT_OURS_AUTOSCALE: '5,5' }, 'not-ours')).toMatchObject({
      concurrency: 5,
      minConcurrency: 5,
    });
    expect(() => slots({}, '-c', '5', '--autoscale', '7,1')).toThrow('both -c and --autoscale');
    for (const wrong of ['1,2', '4', '4,0', '1001,1', 'a,b', '4,-1'])
      for (const name of ['GENERAL', 'NOT_OURS'])
        expect(() =>
          load({ [`${name}_AUTOSCALE`]: wrong }, name === 'GENERAL' ? 'general' : 'not-ours'),
        ).toThrow(/_AUTOSCALE .*max,min: two numbers from 1 to 1000/);
  });

  it('runs 1 to 20 processes, and refuses anything else by naming that range', () => {
    expect(load().count).toBe(1);
    expect(load({ WORKER_COUNT: '20' }).count).toBe(20);
    for (const wrong of ['0', '21', '-1', 'x', '1.5', '2 3'])
      expect(() => load({ WORKER_COUNT: wrong })).toThrow(/WORKER_COUNT .*1 to 20/);
  });

  it('names one of several processes after the host or as it was told, and gives each a log file of its own', () => {
    expect(load({ LONGSHORE_WORKER_INDEX: '3' })).toMatchObject({
      ...{ instance: `worker-${hostname()}-3`, logName: 'general-3', index: 3 },
    });
    expect(load({ LONGSHORE_WORKER_INDEX: '3', WORKER_NAME: 'mine' })).toMatchObject({
      ...{ instance: 'mine-3', logName: 'mine-3' },
    });
  });

  it('reads the settings that the platform wrote for development, before .env', () => {
    const config = load({}, 'general', {
      '.longshore/dev/general.env': 'BROKER_URL=redis://dev\nINTERNAL_SERVICE_API_KEY=lsk_from_development\n',
      '.env': 'BROKER_URL=redis://other\nWORKER_CONCURRENCY=3\n',
    });
    expect(config).toMatchObject({
      brokerUrl: 'redis://dev',
      serviceKey: 'lsk_from_development',
      concurrency: 3,
    });
  });

  it('tells all that is wrong at once', () => {
    const wrong = { BROKER_URL: 'amqp://x', WORKER_CONCURRENCY: 'many', LOG_LEVEL: 'loud' };
    const problem = (() => {
      try {
        return String(load(wrong));
      } catch (error) {
        return (error as ConfigError).message;
      }
    })();
    for (const name of Object.keys(wrong)) expect(problem).toContain(name);
    expect(problem).toContain('RabbitMQ');
    expect(() => load({ TASK_QUEUES: 'a:b' })).toThrow(ConfigError);
  });

  it('refuses a flag that it does not know', () => {
    expect(() => parseFlags(['--queue', 'x'], OWN)).toThrow(/--queue/);
  });

  it('has a help text with examples', () => {
    const help = helpText({
      name: 'general',
      queues: ['general', 'default'],
      ...{ concurrency: 6, minConcurrency: 2, healthPort: 8081 },
    });
    for (const part of [
      '-q',
      '-c',
      '--autoscale',
      'GENERAL_AUTOSCALE',
      'WORKER_COUNT',
      '-p',
      '-l',
      '-n',
      'Examples:',
      'nx serve general',
    ])
      expect(help).toContain(part);
  });
});

describe('a worker that is served by hand', () => {
  function homeWith(processes: unknown): string {
    const home = mkdtempSync(join(tmpdir(), 'longshore-home-'));
    folders.push(home);
    writeFileSync(join(home, 'instance.json'), JSON.stringify({ pid: 1, url: 'http://x', processes }));
    return home;
  }

  it('is told when the platform runs one of the same name, and what to do about it', () => {
    const home = homeWith([{ name: 'general', pid: process.ppid }]);
    expect(besidePlatform('general', home)).toContain('start the platform with --without general');
    expect(besidePlatform('callback', home)).toBeUndefined();
  });

  it.each([
    ['its platform has ended', () => homeWith([{ name: 'general', pid: 4_194_304 }])],
    ['it is the one that the platform runs', () => homeWith([{ name: 'general', pid: process.pid }])],
    ['the platform writes something else', () => homeWith('none')],
    ['there is no platform', () => '/nowhere'],
  ])('is told nothing when %s', (_when, home) => {
    expect(besidePlatform('general', home())).toBeUndefined();
  });
});

describe('the health of a worker', () => {
  const facts = ({
    runner,
    session,
    ...rest
  }: {
    runner?: Partial<HealthFacts['runner']>;
    session?: Partial<HealthFacts['session']>;
  } & Partial<Omit<HealthFacts, 'runner' | 'session'>>): HealthFacts => ({
    ...{ concurrency: 4, queues: ['general'], consumer: undefined, stopping: false, now: 100_000 },
    ...{ skippedTaskFiles: [], waitsFor: undefined },
    runner: {
      ...{
        busySlots: 1,
        activeRuns: 1,
        processedRuns: 7,
        lastClaimAt: 1000,
        lastFreedAt: 1000,
        hardDeadline: undefined,
      },
      ...runner,
    },
    session: {
      ...{ sessionId: 's', dispatched: 3, noneDispatchedAt: 70_000, timesDispatched: 5, refusal: undefined },
      ...session,
    },
    ...rest,
  });

  it('failure mode 16: is red when slots are free, work is dispatched, and nothing was claimed for 20 s', () => {
    const consumer = {
      ...{ address: 'redis://127.0.0.1:6379/0', connected: true, active: 1, lastMessageAt: 1_000 },
    };
    const report = healthOf(facts({ consumer }));
    expect(report.healthy).toBe(false);
    expect(report.reasons).toEqual([
      'work waits for it (3), it has room (3), and nothing was claimed for 30 s',
      'it listens to the broker at redis://127.0.0.1:6379/0: the backend must use the same one',
    ]);
    expect(report.details).toMatchObject({ active_tasks: 1, processed_tasks: 7, free_slots: 3 });
  });

  it('is red while the backend refuses its key, in the words of the backend, and not while it stops', () => {
    const given = facts({ runner: { busySlots: 4 }, session: { refusal: 'Unauthorized' } });
    expect(healthOf(given)).toMatchObject({
      healthy: false,
      reasons: ['the backend refuses it: Unauthorized'],
    });
    expect(healthOf({ ...given, stopping: true }).healthy).toBe(true);
  });

  it('tells which task files were skipped, and is green with them', () => {
    const skippedTaskFiles = [{ file: '/tasks/broken.ts', reason: 'Unexpected end of input' }];
    const report = healthOf(facts({ skippedTaskFiles, runner: { busySlots: 4 } }));
    expect(report).toMatchObject({ healthy: true, details: { skipped_task_files: skippedTaskFiles } });
  });

  it.each([
    ['all slots are busy, however long', { runner: { busySlots: 4 } }],
    ['nothing is dispatched', { session: { dispatched: 0, timesDispatched: 0, noneDispatchedAt: 99_000 } }],
    ['something was claimed a moment ago', { runner: { lastClaimAt: 99_000 } }],
    ['a slot was set free a moment ago', { runner: { lastFreedAt: 99_000 } }],
    ['work was dispatched a moment ago', { session: { noneDispatchedAt: 95_000 } }],
    ['only one heartbeat told of work', { session: { timesDispatched: 1 } }],
    ['it is stopping', { stopping: true }],
  ])('is green when %s', (_when, changes) => {
    expect(healthOf(facts(changes)).healthy).toBe(true);
  });
});
