import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestRedis } from '@longshore/testing';
import { freePort, makeCertificate, redisServerIsInstalled, startRedis } from '@longshore/testing';
import { saidAtStart } from './flow.fixture.ts';
import { KEY_PREFIX, LEAST_RIGHTS } from './redis-rights.ts';

const withServers = (await redisServerIsInstalled()) ? describe : describe.skip;

withServers('a user of Redis', () => {
  let redis: TestRedis;
  let users = 0;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.stop());

  /** The address for a new user with these rights. */
  async function userWith(...rights: string[]): Promise<string> {
    const name = `user${(users += 1)}`;
    await redis.command(
      'ACL',
      'SETUSER',
      name,
      'on',
      '>s3cr3t',
      ...rights.flatMap((each) => each.split(' ')),
    );
    return `redis://${name}:s3cr3t@127.0.0.1:${redis.port}`;
  }

  it('is described in the handbook by the very line that is asked for', async () => {
    const handbook = join(import.meta.dirname, '../../../../docs/operations.md');
    expect(await readFile(handbook, 'utf8')).toContain(
      `ACL SETUSER longshore on >password ${LEAST_RIGHTS}\n`,
    );
  });

  it('needs no more than the rights that we ask for', async () => {
    expect(await saidAtStart(await userWith(LEAST_RIGHTS))).toBe('it starts');
  });

  it('who has only those rights cannot reach what belongs to others', async () => {
    const { Redis } = await import('ioredis');
    const client = new Redis(await userWith(LEAST_RIGHTS), { retryStrategy: () => null });
    const denied = [
      client.get('of-others'),
      client.flushall(),
      client.config('GET', '*'),
      client.call('KEYS', '*'),
      client.call('CLIENT', 'KILL', 'TYPE', 'normal'),
      client.publish('channel', 'word'),
      client.acl('LIST'),
    ];
    for (const answer of denied) await expect(answer).rejects.toThrow('NOPERM');
    client.disconnect();
  });

  it.each([['zadd'], ['bzpopmin'], ['xadd'], ['evalsha'], ['multi'], ['hset']])(
    'who may not run %s is told so at the start, with the line that grants it',
    async (command) => {
      const said = await saidAtStart(await userWith(LEAST_RIGHTS, `-${command}`));
      expect(said).toContain(`run ${command.toUpperCase()} on the keys ${KEY_PREFIX}:*`);
      expect(said).toMatch(/Grant it: ACL SETUSER user\d+ ~\{longshore\}:\*/);
      expect(said).not.toContain('s3cr3t');
    },
  );

  it.each([['eval'], ['info']])('who may not even ask (%s) is told so too', async (command) => {
    const said = await saidAtStart(await userWith(LEAST_RIGHTS, `-${command}`));
    expect(said).toMatch(new RegExp(`NOPERM.*${command}.*Grant it: ACL SETUSER`, 's'));
  });

  it('who has the keys of something else is told so', async () => {
    const rights = LEAST_RIGHTS.replace(KEY_PREFIX, 'something');
    expect(await saidAtStart(await userWith(rights))).toMatch(/Grant it: ACL SETUSER/);
  });
});

withServers('TLS', () => {
  let folder: string;
  let redis: TestRedis;
  let tlsPort: number;
  const file = (name: string) => join(folder, name);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'longshore-tls-'));
    for (const [name, host] of [
      ['own', 'redis.test'],
      ['other', 'redis.test'],
    ] as const) {
      const { cert, key } = makeCertificate(host);
      await writeFile(file(`${name}.pem`), cert);
      await writeFile(file(`${name}.key`), key);
    }
    await writeFile(file('empty.pem'), 'no certificate\n');
    tlsPort = await freePort();
    redis = await startRedis([
      ...['--tls-port', String(tlsPort), '--tls-auth-clients', 'no', '--tls-ca-cert-file', file('own.pem')],
      ...['--tls-cert-file', file('own.pem'), '--tls-key-file', file('own.key')],
    ]);
  });
  afterAll(async () => {
    await redis?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('is used when the authority is named and the certificate is for that name', async () => {
    const url = `rediss://127.0.0.1:${tlsPort}?server_name=redis.test&ca_file=${file('own.pem')}`;
    expect(await saidAtStart(url)).toBe('it starts');
  });

  it.each([
    ['an authority that nobody named', () => `server_name=redis.test`, /BROKER_CA_FILE/],
    ['another authority', () => `server_name=redis.test&ca_file=${file('other.pem')}`, /BROKER_CA_FILE/],
    ['a certificate for another name', () => `ca_file=${file('own.pem')}`, /server_name=<name>/],
    ['a file that is not there', () => `ca_file=${file('absent.pem')}`, /cannot be read \(ENOENT\)/],
    ['a file without a certificate', () => `ca_file=${file('empty.pem')}`, /holds no certificate/],
    [
      'a key of another certificate',
      () => `cert_file=${file('own.pem')}&key_file=${file('other.key')}`,
      /cannot be used/,
    ],
  ])('refuses %s, also where Node is told not to verify', async (_what, settings, says) => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    const said = await saidAtStart(`rediss://127.0.0.1:${tlsPort}?${settings()}`);
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    expect(said).toMatch(says);
  });

  it('says so when the port speaks nothing else', async () => {
    expect(await saidAtStart(`redis://127.0.0.1:${tlsPort}`)).toMatch(/wants TLS \(rediss:\/\/\)/);
  });

  it('says so when the port does not speak TLS', async () => {
    const said = await saidAtStart(`rediss://127.0.0.1:${redis.port}?ca_file=${file('own.pem')}`);
    expect(said).toMatch(/rediss:\/\/ exactly where/);
  });
});
