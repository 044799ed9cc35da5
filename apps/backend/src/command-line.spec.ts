import { describe, expect, it } from '@jest/globals';
import { RELEASE } from '@longshore/contracts';
import { ConfigError, type Variable, variables } from '@longshore/runtime';
import { commandOf } from './command-line.ts';
import { loadBackendConfig } from './config.ts';

function printed(argv: string[]): string {
  const command = commandOf(argv);
  if (command.kind !== 'print') throw new Error(`${argv.join(' ')} prints nothing`);
  return command.text;
}

describe('the command line of the backend', () => {
  it('starts it when there is nothing on it', () => {
    expect(commandOf([])).toEqual({ kind: 'serve' });
  });

  it.each([['--help'], ['-h']])('%s names every variable that it reads and its exit codes', (flag) => {
    const text = printed([flag]);
    for (const { env, readBy } of Object.values<Variable>(variables))
      expect([env, new RegExp(`^  ${env} `, 'm').test(text)]).toEqual([env, readBy.includes('backend')]);
    expect(text).toContain('Exit codes: 0');
  });

  it('tells the release', () => {
    expect(printed(['--version'])).toBe(`${RELEASE}\n`);
  });

  it('migrates and does nothing else when it is told so', () => {
    expect(commandOf(['migrate'])).toEqual({ kind: 'migrate' });
  });

  it('seals secrets anew and does nothing else when it is told so', () => {
    expect(commandOf(['reseal'])).toEqual({ kind: 'reseal' });
  });

  it.each([[['--port', '9']], [['start']], [['migrate', 'twice']]])('refuses %j', (argv) => {
    expect(() => commandOf(argv)).toThrow(ConfigError);
  });
});

describe('the table of variables', () => {
  it('names the backend beside just those that it reads', () => {
    const settings = { DATABASE_URL: 'postgres://a/b', BROKER_URL: 'redis://a' };
    const read = Object.keys(loadBackendConfig(settings)).map(
      (key) => variables[key as keyof typeof variables].env,
    );
    // Taken in by another: what completes a broker's address.
    const ofBroker = ['BROKER_CA_FILE', 'BROKER_CERT_FILE', 'BROKER_KEY_FILE', 'REDIS_SENTINEL_PASSWORD'];
    const through = ['REDIS_PASSWORD', ...ofBroker];
    const named = Object.values<Variable>(variables).filter(({ readBy }) => readBy.includes('backend'));
    expect([...read, ...through].sort()).toEqual(named.map(({ env }) => env).sort());
  });
});
