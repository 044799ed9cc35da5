import { describe, expect, it } from '@jest/globals';
import { RELEASE } from '@longshore/contracts';
import { ConfigError, type Variable, variables } from '@longshore/runtime';
import { answerTo } from './command-line.ts';
import { loadBackendConfig } from './config.ts';

describe('the command line of the backend', () => {
  it('starts it when there is nothing on it', () => {
    expect(answerTo([])).toBeUndefined();
  });

  it.each([['--help'], ['-h']])('%s names every variable that it reads and its exit codes', (flag) => {
    const text = answerTo([flag]);
    for (const { env, readBy } of Object.values<Variable>(variables))
      expect([env, new RegExp(`^  ${env} `, 'm').test(text!)]).toEqual([env, readBy.includes('backend')]);
    expect(text).toContain('Exit codes: 0');
  });

  it('tells the release', () => {
    expect(answerTo(['--version'])).toBe(`${RELEASE}\n`);
  });

  it.each([[['--port', '9']], [['start']]])('refuses %j', (argv) => {
    expect(() => answerTo(argv)).toThrow(ConfigError);
  });
});

describe('the table of variables', () => {
  it('names the backend beside just those that it reads', () => {
    const settings = { DATABASE_URL: 'postgres://a/b', BROKER_URL: 'redis://a' };
    const read = Object.keys(loadBackendConfig(settings)).map(
      (key) => variables[key as keyof typeof variables].env,
    );
    // Taken in by others: the default of STORAGE_DIR, and a broker's address without its password.
    const through = ['LONGSHORE_HOME', 'REDIS_PASSWORD'];
    const named = Object.values<Variable>(variables).filter(({ readBy }) => readBy.includes('backend'));
    expect([...read, ...through].sort()).toEqual(named.map(({ env }) => env).sort());
  });
});
