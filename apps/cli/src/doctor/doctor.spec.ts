import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CONTRACT_VERSION, type Platform, RELEASE, type WorkersResponse } from '@longshore/contracts';
import { homeAt } from '../home/home.ts';
import { findingLines, verdict } from '../output/finding-lines.ts';
import { checkMachine, spaceFinding } from './check-machine.ts';
import { checkPlatform } from './check-platform.ts';
import { checkServers } from './check-servers.ts';
import { note, ok, wrong } from './finding.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const well: Platform = {
  release: RELEASE,
  contract_version: CONTRACT_VERSION,
  node: '24.1.0',
  time: '2026-05-01T12:00:00.000Z',
  database: { version: '18.1', clock_ahead_ms: 3, pending_migrations: [], later_migrations: [] },
  broker: { kind: 'redis', problem: null },
  storage: { free_bytes: 50e9, problem: null },
  workers: [
    { worker: 'general', instance: 'general-1', hostname: 'one', contract_version: CONTRACT_VERSION },
  ],
  lapsed: [],
};
const session: WorkersResponse['pools'][number]['sessions'][number] = {
  ...{ session_id: '019a0000-0000-7000-8000-000000000001', instance: 'general-1', hostname: 'one', pid: 7 },
  ...{ concurrency: 4, active: 0, state: 'active' as const, health_port: null },
  ...{ started_at: '2026-05-01T12:00:00.000Z', seen_ms_ago: 500 },
};
const workers: WorkersResponse = {
  pools: [{ pool: 'p', worker: 'general', queues: ['general'], tasks: [], sessions: [session] }],
};

function troubles(
  changes: Partial<Platform>,
  pools = workers,
  queues: { queue: string; queued: number; served: boolean }[] = [],
) {
  const depths = queues.map((queue) => ({ ...queue, due: 0, running: 0, oldest_age_ms: null }));
  const found = checkPlatform({ ...well, ...changes }, pools, { queues: depths });
  return found.filter(({ state }) => state !== 'ok');
}

describe('of a platform the doctor', () => {
  it('has nothing to say when all is well', () => {
    expect(troubles({})).toEqual([]);
    expect(troubles({}, workers, [{ queue: 'general', queued: 0, served: false }])).toEqual([]);
  });

  it.each([
    ['clocks that differ', { database: { ...well.database, clock_ahead_ms: -5_000 } }, '5.0 s behind'],
    ['pending migrations', { database: { ...well.database, pending_migrations: ['0011-x'] } }, '0011-x'],
    ['a newer database', { database: { ...well.database, later_migrations: ['0099-x'] } }, 'a later release'],
    [
      'a broker that drops keys',
      { broker: { kind: 'redis' as const, problem: 'maxmemory-policy is x' } },
      'policy is x',
    ],
    ['a store that is read-only', { storage: { free_bytes: null, problem: 'EROFS' } }, 'EROFS'],
    ['a store that is full', { storage: { free_bytes: 1e6, problem: null } }, '1.0 MB free'],
    ['no worker', { workers: [] }, 'no worker is alive'],
    [
      'a worker of another contract',
      { workers: [{ ...well.workers[0]!, contract_version: CONTRACT_VERSION + 1 }] },
      'general-1 speaks contract version',
    ],
  ])('finds %s wrong, and says how to mend it', (_name, changes, words) => {
    const [finding, ...others] = troubles(changes as Partial<Platform>);
    expect(finding).toMatchObject({ state: 'wrong', found: expect.stringContaining(words) });
    expect(finding?.mend).toMatch(/^[A-Z].*\.$/);
    expect(others).toEqual([]);
  });

  it('finds queues that nobody serves, and task files that were skipped', () => {
    const skipped = [{ file: '/tasks/a.ts', reason: 'no task in it' }];
    const pools = {
      pools: [{ ...workers.pools[0]!, sessions: [{ ...session, skipped_task_files: skipped }] }],
    };
    const queues = [{ queue: 'llm', queued: 3, served: false }];
    expect(troubles({}, pools, queues).map(({ found }) => found)).toEqual([
      '3 runs wait in llm, which nobody serves',
      'The task file /tasks/a.ts was not loaded: no task in it.',
    ]);
  });

  it('notes what deserves a look: lapsed sessions, another release, a silent worker', () => {
    const lapsed = [
      { worker: 'general', instance: 'general-0', hostname: 'one', lapsed_at: '2026-05-01T11:00:00.000Z' },
    ];
    const silent = { pools: [{ ...workers.pools[0]!, sessions: [{ ...session, seen_ms_ago: 14_000 }] }] };
    expect(troubles({ lapsed, release: '9.9.9' }, silent).map(({ state, check }) => [state, check])).toEqual([
      ['note', 'backend'],
      ['note', 'workers'],
      ['note', 'sessions'],
    ]);
  });
});

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'longshore-doctor-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

describe('of a machine the doctor', () => {
  it('has nothing to say about a new home', async () => {
    const folder = join(temporaryFolder(), 'home');
    const facts = { home: homeAt(folder), storageDir: join(folder, 'files'), host: '127.0.0.1', port: 0 };
    const found = await checkMachine(facts);
    expect(found.filter(({ state, check }) => state === 'wrong' && check !== 'disk')).toEqual([]);
  });

  it('finds an old Node, a port in use, keys that others can read, and half a backup', async () => {
    const home = homeAt(temporaryFolder());
    writeFileSync(home.credentials, '{}');
    chmodSync(home.credentials, 0o644);
    mkdirSync(home.restoring);
    const port = await listening(createServer());
    const facts = {
      home,
      storageDir: join(home.folder, 'files'),
      host: '127.0.0.1',
      port,
      nodeVersion: '20.1.0',
    };
    const found = await checkMachine(facts);
    const wrongs = found.filter(({ state, check }) => state === 'wrong' && check !== 'disk');
    expect(wrongs.map(({ check }) => check)).toEqual(['node', 'home', 'credentials', 'port']);
    expect(wrongs.at(-1)).toMatchObject({ found: `Port ${port} of 127.0.0.1 is in use by another program` });
  });

  it('finds a disk that is nearly full', () => {
    expect([5e9, 1e9, 1e8].map((free) => spaceFinding('disk', free).state)).toEqual(['ok', 'note', 'wrong']);
  });
});

describe('of the servers that settings name the doctor', () => {
  const ownDatabase = { databaseUrl: undefined };

  /** A Redis that gives each connection this answer; what it was asked is kept. */
  async function answering(answer: string) {
    const asked: string[] = [];
    const server = createServer((socket) => {
      socket.on('data', (bytes) => {
        asked.push(bytes.toString());
        socket.write(answer);
      });
      socket.on('error', () => undefined);
    });
    return { port: await listening(server), asked };
  }

  const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;
  const info = (version: string, policy = 'noeviction') =>
    bulk(`# Server\r\nredis_version:${version}\r\n# Memory\r\nmaxmemory_policy:${policy}\r\n`);

  async function brokerFindings(brokerUrl: string) {
    return (await checkServers({ ...ownDatabase, brokerUrl })).slice(1);
  }

  it('finds a Redis that would drop work, and asks with the password', async () => {
    const { port, asked } = await answering(`+OK\r\n${info('7.4.11', 'allkeys-lru')}`);
    expect(await brokerFindings(`redis://:s%20t@127.0.0.1:${port}`)).toMatchObject([
      { state: 'ok', found: `Redis 7.4.11 answers at redis://127.0.0.1:${port}/0` },
      {
        state: 'wrong',
        found: `the Redis at redis://127.0.0.1:${port}/0 drops keys when its memory is full (maxmemory-policy is allkeys-lru)`,
      },
    ]);
    expect(asked.join('')).toContain('AUTH\r\n$3\r\ns t\r\n');
  });

  it.each([
    ['4.0.14', 'wrong', 'is version 4.0.14'],
    ['5.0.0', 'note', 'is version 5.0.0'],
    ['6.0.16', 'note', 'is version 6.0.16'],
    ['6.2.0', 'ok', 'Redis 6.2.0'],
    ['10.0.1', 'ok', 'Redis 10.0.1'],
  ])('says of a Redis %s that it is %s', async (version, state, words) => {
    const { port } = await answering(info(version));
    const found = await brokerFindings(`redis://127.0.0.1:${port}`);
    expect(found).toMatchObject([{ state, found: expect.stringContaining(words) }]);
    expect(found[0]?.mend ?? '6.2').toContain('6.2');
  });

  it('says that the version could not be read where the user may not ask', async () => {
    const refusal = "-NOPERM User longshore has no permissions to run the 'info' command\r\n";
    const { port } = await answering(`+OK\r\n${refusal}`);
    expect(await brokerFindings(`redis://longshore:secret@127.0.0.1:${port}`)).toMatchObject([
      {
        state: 'note',
        found: expect.stringContaining('its version could not be read'),
        mend: expect.stringContaining('+info'),
      },
    ]);
  });

  it('asks the node of a cluster that answers, and tells the address without the password', async () => {
    const gone = createServer();
    const gonePort = await listening(gone);
    gone.close();
    await once(gone, 'close');
    const { port } = await answering(`+OK\r\n${info('7.2.0')}`);
    const hosts = `127.0.0.1:${gonePort},127.0.0.1:${port}`;
    const found = await brokerFindings(`redis-cluster://u:secret@${hosts}`);
    expect(found).toEqual([ok('broker', `Redis 7.2.0 answers at redis-cluster://${hosts}`)]);
  });

  it('asks the Sentinels for the master, and the master for its version', async () => {
    const master = await answering(`+OK\r\n${info('5.0.7')}`);
    const sentinel = await answering(`*2\r\n${bulk('127.0.0.1')}${bulk(String(master.port))}`);
    const found = await brokerFindings(`redis-sentinel://:secret@127.0.0.1:${sentinel.port}/mymaster`);
    expect(found).toMatchObject([{ state: 'note', found: expect.stringContaining('5.0.7') }]);
    expect(JSON.stringify(found)).not.toContain('secret');
    expect(sentinel.asked.join('')).toContain('GET-MASTER-ADDR-BY-NAME\r\n$8\r\nmymaster');
    expect(sentinel.asked.join('')).not.toContain('secret');
  });

  it('tells no password that a server repeats', async () => {
    const { port } = await answering(
      "-ERR unknown command 'AUTH', with args beginning with: 'bob' 's3cretpw'\r\n",
    );
    expect(await brokerFindings(`redis://bob:s3cretpw@127.0.0.1:${port}`)).toMatchObject([
      { state: 'wrong', found: expect.stringMatching(/unknown command 'AUTH'.*'bob' '\*\*\*'$/) },
    ]);
  });

  it('takes a password for nothing wrong that the server does not ask for', async () => {
    const refusal =
      '-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?\r\n';
    const { port } = await answering(`${refusal}${info('7.0.15')}`);
    expect(await brokerFindings(`redis://:secret@127.0.0.1:${port}`)).toMatchObject([{ state: 'ok' }]);
  });

  it('finds a master wrong that the Sentinels do not know', async () => {
    const { port } = await answering('*-1\r\n');
    expect(await brokerFindings(`redis-sentinel://127.0.0.1:${port}/other`)).toMatchObject([
      { state: 'wrong', found: expect.stringContaining('know no master of the name other') },
    ]);
  });

  it('finds servers that refuse, or are not there, without telling passwords', async () => {
    const port = await listening(
      createServer(
        (socket) => void socket.on('error', () => undefined).end('-NOAUTH Authentication required.\r\n'),
      ),
    );
    const gone = createServer();
    const gonePort = await listening(gone);
    gone.close();
    await once(gone, 'close');
    const refusing = await checkServers({ ...ownDatabase, brokerUrl: `redis://127.0.0.1:${port}` });
    const absent = await checkServers({
      databaseUrl: `postgres://u:secret@127.0.0.1:${gonePort}/x`,
      brokerUrl: `redis://:secret@127.0.0.1:${gonePort}`,
    });
    expect(refusing[1]!.found).toContain('NOAUTH Authentication required');
    expect(absent.map(({ state }) => state)).toEqual(['wrong', 'wrong']);
    expect(JSON.stringify(absent)).not.toContain('secret');
    expect(absent[0]!.found).toContain('ECONNREFUSED');
  });
});

it('findings are told one a line, with how to mend them', () => {
  const findings = [
    ok('node', 'version 24'),
    wrong('broker', 'is away', 'Start it.'),
    note('sessions', 'one', 'Look.'),
  ];
  expect(findingLines(findings)).toEqual([
    'ok node      version 24',
    '✗  broker    is away',
    '             Start it.',
    '!  sessions  one',
    '             Look.',
    '',
  ]);
  expect(verdict(findings)).toBe('1 thing is wrong.');
  expect(verdict([ok('a', 'b')])).toBe('Nothing is wrong.');
});
