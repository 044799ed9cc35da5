import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CONTRACT_VERSION } from '@longshore/contracts';
import {
  redisIsAvailable,
  startFaultProxy,
  startPostgres,
  startRedis,
  type TestPostgres,
} from '@longshore/testing';
import { brokenInvariants } from '../testing/invariants.ts';
import { startBackend, type HttpBackend } from '../testing/http-backend.ts';
import { eventually } from '../testing/http-client.ts';
import { realWorkers, type RealWorkers } from './real-worker.fixture.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let workers: RealWorkers;
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());
afterEach(async () => {
  try {
    expect(await brokenInvariants(backend.database)).toEqual([]);
  } finally {
    await workers.stop();
    await backend.stop();
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  }
});

async function setup(settings: { brokerUrl?: string } = {}) {
  backend = await startBackend(postgres, { sessionTimeoutMs: 10_000, ...settings });
  workers = await realWorkers(backend);
}

const ended = (run: string) =>
  eventually(async () => ['succeeded', 'failed'].includes((await workers.run(run)).state));

describe('a real worker process', () => {
  beforeEach(() => setup(), 30_000);

  it('failure mode 12: works for two organisations in turn and mixes nothing up', async () => {
    const other = (await backend.organisation()).id;
    await workers.start({ env: { WORKER_CONCURRENCY: '4' } });
    const owners = Array.from({ length: 40 }, (_, place) => (place % 2 === 0 ? workers.organisation : other));
    const runs = await Promise.all(
      owners.map((owner) => workers.submit('test.effect', { sleepMs: 5, note: owner }, owner)),
    );
    for (const [place, run] of runs.entries()) {
      await ended(run);
      const owner = owners[place]!;
      const entry = { run, organisation: owner, note: owner };
      expect(workers.ledger(run)).toMatchObject([entry, entry]);
      expect((await workers.run(run)).output!.inline.note).toBe(owner);
    }
    const foreign = `from run_logs l join runs r on r.id = l.run_id
                    where l.fields ->> 'note' <> r.organisation_id::text`;
    await eventually(async () => {
      const [row] = await backend.database.query<{ n: number }>('select count(*)::int as n from run_logs');
      return row!.n === runs.length;
    });
    expect(await backend.database.query(`select l.* ${foreign}`)).toEqual([]);
    const progress = await backend.database.query(
      `select 1 from runs where progress ->> 'message' <> organisation_id::text`,
    );
    expect(progress).toEqual([]);
  });

  it('failure mode 20: survives whatever a task logs, and shows no secret in any line', async () => {
    const secret = 'lsk_9f3a51c2d4e5f60718293a4b5c6d7e8f';
    const worker = await workers.start({ env: { LOG_LEVEL: 'DEBUG' } });
    const run = await workers.submit('test.talk', { secret });
    await ended(run);
    expect(await workers.run(run)).toMatchObject({ state: 'succeeded', starts: 1 });
    const next = await workers.submit('test.effect', { note: 'works on' });
    await ended(next);
    expect(workers.ledger(next).map(({ pid }) => pid)).toEqual([worker.pid, worker.pid]);
    const stored = () =>
      backend.database.query<{ text: string }>(
        'select l::text as text from run_logs l where run_id = $1 order by l.id',
        [run],
      );
    await eventually(async () => (await stored()).some(({ text }) => text.includes('nested')));
    const said = [...worker.lines, ...(await stored()).map(({ text }) => text)];
    expect(said.filter((line) => line.includes('a header Authorization')).length).toBeGreaterThan(1);
    for (const line of said) {
      expect(line).not.toContain(secret);
      expect(line).not.toContain(workers.serviceKey);
    }
  });

  it('failure mode 25: of the release before works, of a later or a much older one is refused and told why', async () => {
    const before = await workers.start({ contractVersion: CONTRACT_VERSION - 1 });
    await before.line('worker takes work');
    const run = await workers.submit('test.effect', { note: 'n' });
    await ended(run);
    expect(workers.ledger(run).map(({ pid }) => pid)).toEqual([before.pid, before.pid]);
    for (const [contractVersion, remedy] of [
      [CONTRACT_VERSION + 1, 'upgrade the backend'],
      [CONTRACT_VERSION - 2, 'upgrade the worker'],
    ] as const) {
      const refused = await workers.start({ contractVersion });
      const letIn = refused.line('worker takes work').then(
        () => 'let in',
        () => refused.ended,
      );
      expect(await letIn).toBe(1);
      const said = refused.lines.join('\n');
      expect(said).toContain(remedy);
      expect(said).toContain(`contract version ${CONTRACT_VERSION}`);
    }
    const sessions = await backend.database.query('select contract_version from sessions');
    expect(sessions).toEqual([{ contract_version: CONTRACT_VERSION - 1 }]);
  });
});

const withRedis = (await redisIsAvailable()) ? describe : describe.skip;
withRedis('a real worker process on Redis (needs redis-server on the PATH, or a Docker engine)', () => {
  it('failure mode 16: is red while its connection is a black hole and work waits, and consumes again by itself', async () => {
    const redis = await startRedis();
    cleanups.push(() => redis.stop());
    const proxy = await startFaultProxy(redis.port);
    cleanups.push(() => proxy.stop());
    await setup({ brokerUrl: redis.url });
    const worker = await workers.start({ brokerUrl: proxy.through(redis.url) });
    await ended(await workers.submit('test.effect', { note: 'before' }));
    const { body: before } = await worker.ask('/health');
    expect(before).toMatchObject({ status: 'healthy' });
    proxy.hold('everything');
    const runs = await Promise.all(
      Array.from({ length: 5 }, (_, note) => workers.submit('test.effect', { note })),
    );
    const since = performance.now();
    let health = before;
    while (health['status'] === 'healthy' && performance.now() - since < 60_000) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      ({ body: health } = await worker.ask('/health'));
    }
    // 20 s after the heartbeat that told of the work; some of them may have been on their way to it.
    expect(performance.now() - since).toBeLessThan(40_000);
    expect(JSON.stringify(health)).toContain('nothing was claimed for 2');
    proxy.hold('nothing');
    for (const run of runs) await ended(run);
    expect(workers.ledger().filter(({ event }) => event === 'ended')).toHaveLength(6);
    expect((await worker.ask('/health')).body).toMatchObject({ status: 'healthy' });
  });
});
