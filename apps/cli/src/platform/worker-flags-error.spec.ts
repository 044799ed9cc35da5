import { describe, expect, it } from '@jest/globals';
import { ConfigError } from '@longshore/runtime';
import { CliError } from '../cli-error.ts';
import { inOptions } from './worker-flags-error.ts';

const problem = 'is out of range ("0")';

describe('a wrong option of "longshore worker"', () => {
  it('is a wrong command line, and is told by its name', () => {
    const error = new ConfigError([{ name: 'WORKER_CONCURRENCY', problem, allowed: '1 to 1000' }]);
    const told = inOptions(error, { concurrency: '0' }) as CliError;
    expect(told).toMatchObject({
      exitCode: 2,
      message: '--concurrency is out of range ("0"). Allowed: 1 to 1000.',
    });
    expect(inOptions(error, {})).toBe(error);
  });

  it('is told with what else is wrong, under the name of its variable', () => {
    const error = new ConfigError([
      { name: 'GENERAL_HEALTH_PORT', problem },
      { name: 'BROKER_URL', problem: 'is missing' },
    ]);
    const told = inOptions(error, { port: '0' }) as CliError;
    expect(told.message).toBe('--port is out of range ("0").\nBROKER_URL is missing.');
  });
});
