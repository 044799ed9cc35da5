import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { brokenInvariants } from '../testing/invariants.ts';
import { startBackend, type HttpBackend } from '../testing/http-backend.ts';
import { eventually } from '../testing/http-client.ts';
import { realWorkers, type RealWorkers } from './real-worker.fixture.ts';

/** Within which a silent worker is given up; a busy one is heard of each second. */
const LAPSE_MS = 6_000;
let postgres: TestPostgres;
let backend: HttpBackend;
let workers: RealWorkers;

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());
beforeEach(async () => {
  backend = await startBackend(postgres, { sessionTimeoutMs: LAPSE_MS });
  workers = await realWorkers(backend);
});
afterEach(async () => {
  try {
    expect(await brokenInvariants(backend.database)).toEqual([]);
  } finally {
    await workers.stop();
    await backend.stop();
  }
});

const events = (run: string) => workers.ledger(run).map(({ event }) => event);
const begun = (run: string) => eventually(async () => events(run).includes('started'));
const succeeded = (run: string) => eventually(async () => (await workers.run(run)).state === 'succeeded');
const effect = (input: { sleepMs?: number; blockMs?: number }) =>
  workers.submit('test.effect', { ...input, note: 'n' });

describe('failure mode 5: a long task has one result, and runs twice only where it must,', () => {
  it('5a: when its worker is told to stop in the middle of it: it is waited for', async () => {
    const worker = await workers.start();
    const run = await effect({ sleepMs: 1_500 });
    await begun(run);
    worker.kill('SIGTERM');
    const other = await workers.start();
    expect(await worker.ended).toBe(0);
    await succeeded(run);
    expect(other.pid).not.toBe(worker.pid);
    expect(events(run)).toEqual(['started', 'ended']);
    expect(await workers.run(run)).toMatchObject({
      epoch: 1,
      starts: 1,
      output: { inline: { pid: worker.pid } },
    });
  });

  it('5a: when it is longer than the grace: it is given back, at once, and that is no failed attempt', async () => {
    const worker = await workers.start({ env: { SHUTDOWN_GRACE: '0.3' } });
    const run = await effect({ sleepMs: 30_000 });
    await begun(run);
    worker.kill('SIGTERM');
    expect(await worker.ended).toBe(0);
    expect(await workers.run(run)).toMatchObject({ state: 'queued', starts: 0, attempts: 0 });
    await backend.database.query(`update runs set input = '{"note": "n"}' where id = $1`, [run]);
    const other = await workers.start();
    await succeeded(run);
    expect(workers.ledger(run).map(({ event, pid }) => [event, pid])).toEqual([
      ['started', worker.pid],
      ['started', other.pid],
      ['ended', other.pid],
    ]);
  });

  it('5b: when its worker is killed: another one begins anew, once it is known', async () => {
    const worker = await workers.start();
    const run = await effect({ sleepMs: 3_000 });
    await begun(run);
    worker.kill('SIGKILL');
    const other = await workers.start();
    await succeeded(run);
    expect(events(run)).toEqual(['started', 'started', 'ended']);
    expect(await workers.run(run)).toMatchObject({ epoch: 2, output: { inline: { pid: other.pid } } });
  });

  it('5c: when it keeps the main loop for longer than a silent worker is waited for: its heartbeat goes on', async () => {
    const worker = await workers.start();
    await workers.start();
    const run = await effect({ blockMs: LAPSE_MS * 1.75 });
    await succeeded(run);
    expect(events(run)).toEqual(['started', 'ended']);
    expect(await workers.run(run)).toMatchObject({ epoch: 1, starts: 1 });
    const lapsed = await backend.database.query(`select 1 from sessions where state = 'lapsed'`);
    expect(lapsed).toEqual([]);
    expect((await worker.ask('/health')).status).toBe(200);
  });

  it('5d: when its worker is frozen until it is given up, and wakes: what it says then is not heard', async () => {
    const frozen = await workers.start();
    const run = await effect({ sleepMs: 1_000 });
    await begun(run);
    frozen.kill('SIGSTOP');
    const other = await workers.start();
    await succeeded(run);
    const before = await workers.run(run);
    expect(before).toMatchObject({ epoch: 2, output: { inline: { pid: other.pid } } });
    frozen.kill('SIGCONT');
    await frozen.line('session lapsed');
    other.kill('SIGTERM');
    await other.ended;
    // It works on, under a session of its own.
    const next = await effect({});
    await succeeded(next);
    expect(workers.ledger(next).map(({ pid }) => pid)).toEqual([frozen.pid, frozen.pid]);
    expect(await workers.run(run)).toEqual(before);
  });
});
