import { describe, expect, it } from '@jest/globals';
import type { Logger } from '@longshore/runtime';
import { silentLogger } from '@longshore/runtime';
import { brokerAddress, BrokerConfigurationError } from './broker-url.ts';
import { brokerErrorLog, recentComplaint } from './error-log.ts';

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
      ['broker is full', 0],
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

describe('what health is told of a broker', () => {
  it('is the last complaint of half a minute, with what to do; what is harmless is none', () => {
    let now = 0;
    const complaint = recentComplaint(brokerAddress('redis://me:hunter2@redis.local'), () => now);
    complaint.note(new Error('Missing key for job 1. moveToFinished'));
    expect(complaint.recent()).toBeUndefined();
    complaint.note(new Error("OOM command not allowed when used memory > 'maxmemory'."));
    expect(complaint.recent()).toMatch(/^broker is full: OOM.*raise maxmemory/);
    now = 30_000;
    expect(complaint.recent()).toBeUndefined();
  });
});

describe('a complaint', () => {
  it.each([
    ['OOM command not allowed', 'broker is full'],
    ["READONLY You can't write against a read only replica.", 'broker is read-only'],
    ['MISCONF Redis is configured to save RDB snapshots', 'broker refuses writes'],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'broker refuses our password'],
    ['NOAUTH Authentication required.', 'broker refuses our password'],
    ["NOPERM this user has no permissions to run the 'zadd' command", 'broker lets us do too little'],
    ['CLUSTERDOWN Hash slot not served', 'broker cluster is incomplete'],
    ['MOVED 5471 127.0.0.1:7001', 'broker is a cluster'],
    ['self-signed certificate in certificate chain', 'broker certificate is not trusted'],
    ['LOADING Redis is loading the dataset in memory', 'broker is not reachable'],
    ['connect ECONNREFUSED 127.0.0.1:6379', 'broker is not reachable'],
  ])('%s means: %s', (said, message) => {
    const { log, lines } = setup();
    log(new Error(said));
    expect(lines).toMatchObject([{ message, fields: { reason: said, advice: expect.any(String) } }]);
  });
});

describe('the address of a broker', () => {
  it('tells by its scheme what kind it is', () => {
    expect(brokerAddress('rediss://h').kind).toBe('redis');
    expect(brokerAddress('postgresql://h/db').kind).toBe('postgres');
    expect(brokerAddress('rediss-cluster://h,i').kind).toBe('redis');
  });

  it.each(['amqp://u:hunter2@h', 'constructor://u:hunter2@h', 'hunter2'])(
    'is refused when it is %s',
    (url) => {
      expect(() => brokerAddress(url)).toThrow(BrokerConfigurationError);
      expect(() => brokerAddress(url)).not.toThrow('hunter2');
    },
  );
});
