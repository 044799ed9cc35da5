import { describe, expect, it } from '@jest/globals';
import type { Logger } from '@longshore/runtime';
import { silentLogger } from '@longshore/runtime';
import { brokerAddress, BrokerConfigurationError } from './broker-url.ts';
import { brokerErrorLog } from './error-log.ts';

function setup() {
  const lines: { level: string; message: string; fields: Record<string, unknown> | undefined }[] = [];
  const method =
    (level: string): Logger['info'] =>
    (message, fields) =>
      void lines.push({ level, message, fields });
  const logger: Logger = {
    ...silentLogger(),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
  };
  let now = 0;
  const log = brokerErrorLog(logger, brokerAddress('redis://me:hunter2@redis.local:6379/0'), () => now);
  return { log, lines, after: (ms: number) => (now += ms) };
}

describe('what a broker complains about', () => {
  it('is one line in 30 s for each kind, with the number of those left out', () => {
    const { log, lines, after } = setup();
    for (let count = 0; count < 1000; count += 1) log(new Error('connect ECONNREFUSED 127.0.0.1:6379'));
    log(new Error('OOM command not allowed'));
    after(30_000);
    log(new Error('Connection is closed.'));
    expect(lines.map(({ message, fields }) => [message, fields?.['left_out']])).toEqual([
      ['broker is not reachable', 0],
      ['broker trouble', 0],
      ['broker is not reachable', 999],
    ]);
  });

  it.each([
    'Missing key for job {longshore}:pool:1. moveToFinished',
    'Missing lock for job 1. moveToFinished',
    'could not renew lock for job 1',
  ])('is no error when it forgot what it held: %s', (text) => {
    const { log, lines } = setup();
    log(new Error(text));
    expect(lines).toMatchObject([{ level: 'info', message: 'broker forgot active messages' }]);
  });

  it('names the broker without its user and password, and a reason even where the error has no message', () => {
    const { log, lines } = setup();
    log(new AggregateError([new Error('connect ECONNREFUSED ::1:6379')], ''));
    expect(lines[0]?.fields).toMatchObject({
      broker: 'redis://redis.local:6379/0',
      reason: 'Error: connect ECONNREFUSED ::1:6379',
    });
  });
});

describe('the address of a broker', () => {
  it('tells by its scheme what kind it is', () => {
    expect(brokerAddress('rediss://h').kind).toBe('redis');
    expect(brokerAddress('postgresql://h/db').kind).toBe('postgres');
  });

  it.each(['amqp://u:hunter2@h', 'constructor://u:hunter2@h', 'hunter2'])(
    'is refused when it is %s',
    (url) => {
      expect(() => brokerAddress(url)).toThrow(BrokerConfigurationError);
      expect(() => brokerAddress(url)).not.toThrow('hunter2');
    },
  );
});
