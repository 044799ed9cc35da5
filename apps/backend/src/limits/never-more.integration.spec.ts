import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import type { ClaimedRun, Report } from '@longshore/contracts';
import { publishLimitedDispatches } from '../dispatch/publish-statements.ts';
import type { Session } from '../sessions/sessions.ts';
import { ended, type TestModel } from '../testing/model.ts';
import { createOrganisation } from '../testing/waiting-lines.ts';
import { twoBackends } from '../testing/two-backends.ts';
import { limitedRuns, limitedWorker, repeated } from './limited-work.fixture.ts';

jest.setTimeout(120_000);

const MOST = 4;
const MOST_OF_KEY = 2;
const KEYS = 5;
const limits = [
  { per: 'task', concurrency: MOST },
  { per: 'input.key', concurrency: MOST_OF_KEY },
];

const { current, count, lapse } = twoBackends();

/** Counts what is in hands, from outside: from when a claim was answered until just before its end is reported. */
function ledger() {
  const inHand = new Map<string, { key: string; session: string }>();
  const gone = new Set<string>();
  const most = { task: 0, key: 0, starts: 0 };
  const keyOf = (run: ClaimedRun) => `${run.organisation_id} ${(run.input as { key: string }).key}`;
  return {
    most,
    begin(run: ClaimedRun, session: Session): void {
      if (run.task !== 'work' || gone.has(session.id)) return;
      inHand.set(`${run.run_id} ${run.epoch}`, { key: keyOf(run), session: session.id });
      const alike = [...inHand.values()].filter(({ key }) => key === keyOf(run)).length;
      most.task = Math.max(most.task, inHand.size);
      most.key = Math.max(most.key, alike);
      most.starts += 1;
    },
    end: (run: ClaimedRun) => void inHand.delete(`${run.run_id} ${run.epoch}`),
    /** The worker is dead: nothing of it goes on. */
    bury(session: Session): void {
      gone.add(session.id);
      for (const [name, held] of inHand) if (held.session === session.id) inHand.delete(name);
    },
  };
}

function anyEnd(run: ClaimedRun): Report {
  if (run.task === 'plan') return ended.inChildren(run, ['k0', 'k1', 'k2', 'k3', 'k4'], 3);
  const chance = Math.random();
  if (run.task === 'work' && chance < 0.1) return ended.back(run);
  return run.task === 'work' && chance < 0.25 ? ended.badly(run, 0) : ended.well(run);
}

/** A worker process of one pool, which is led by one backend; it dies and comes again when told to. */
async function startWorker(by: TestModel, worker: string, book: ReturnType<typeof ledger>) {
  let session = await limitedWorker(by, limits, { worker, concurrency: 10 });
  return {
    async round(): Promise<void> {
      const as = session;
      by.dispatcher.pumpAll();
      await by.dispatcher.idle();
      const messages = by.broker.take();
      if (messages.length === 0) return void (await pause(5));
      const { answers } = await by.claim(as, messages);
      const runs = answers.flatMap((answer) => answer.runs);
      for (const run of runs) book.begin(run, as);
      await Promise.all(
        runs.map(async (run) => {
          await pause(Math.random() * 20);
          book.end(run);
          await by.report([anyEnd(run)]);
        }),
      );
    },
    async die(): Promise<void> {
      const dead = session;
      session = await limitedWorker(by, limits, { worker, concurrency: 10 });
      book.bury(dead);
      await lapse(dead);
      await by.reconcile();
    },
  };
}

describe('two backends, a limit of four', () => {
  it('failure mode 24: never let five run, whatever is published, claimed, reported, lost, tried again, cancelled and fanned out at once', async () => {
    const { model, other } = current();
    const book = ledger();
    const workers = [await startWorker(model, 'a', book), await startWorker(other, 'b', book)];
    expect(model.pools.led()).toHaveLength(1);
    expect(other.pools.led()).toHaveLength(1);
    const keys = Array.from({ length: 80 }, (_, n) => ({ key: `k${n % KEYS}` }));
    const ids = [
      ...(await limitedRuns(model, keys.slice(0, 40))),
      ...(await limitedRuns(other, keys.slice(40))),
    ];
    for (let n = 0; n < 6; n += 1) ids.push(await (n % 2 === 0 ? model : other).submit('plan'));
    const unfinished = () => count('live_executions');
    let over = false;
    let sampled = 0;
    const samples = (async () => {
      for (; !over; await pause(2))
        sampled = Math.max(sampled, await count(`runs where task = 'work' and state = 'running'`));
    })();
    const faults = (async () => {
      for (let n = 0; !over; n += 1) {
        await pause(60);
        const by = n % 2 === 0 ? model : other;
        if (n % 3 === 0 && n < 60) await by.cancel(ids[Math.floor(Math.random() * ids.length)]!);
        if (n % 7 === 6 && n < 60) await workers[n % 2]!.die();
        // What was lost with a dead worker is found by whoever looks.
        await by.reconcile();
      }
    })();
    const rounds = workers.flatMap((worker) =>
      [1, 2].map(async () => {
        while (!over) await worker.round();
      }),
    );
    while ((await unfinished()) > 0) await pause(20);
    over = true;
    await Promise.all([samples, faults, ...rounds]);
    expect(book.most).toMatchObject({ task: MOST, key: MOST_OF_KEY });
    expect(sampled).toBeLessThanOrEqual(MOST);
    expect(book.most.starts).toBeGreaterThan(80);
    expect(await count('limit_permits')).toBe(0);
  });

  it('failure mode 24: wait for each other where they publish for one key at the same moment', async () => {
    const { model, other } = current();
    const here = await limitedWorker(model, limits, { worker: 'a' });
    // Of another queue: otherwise the two would meet in the dispatches themselves.
    await limitedWorker(other, limits, { worker: 'b', queues: ['second'] });
    for (const queue of ['default', 'second']) {
      const keys = Array.from({ length: 12 }, (_, n) => ({ key: `${queue}${n}` }));
      await limitedRuns(model, keys, { queue });
    }
    const { term } = model.pools.get(here.pool)!;
    const meanwhile = await model.database.transaction(async (client) => {
      const values = [
        here.pool,
        here.queues,
        '{"work": 1}',
        10,
        model.backendId,
        term,
        '{}',
        5_000,
        '{}',
        0,
        ['work'],
      ];
      const { rows } = await client.query<{ published: unknown[] }>(publishLimitedDispatches.text, values);
      expect(rows[0]!.published).toHaveLength(MOST);
      other.dispatcher.pumpAll();
      const idle = other.dispatcher.idle();
      await Promise.race([untilOneWaits(model), idle]);
      return { idle };
    });
    await meanwhile.idle;
    expect(other.broker.take()).toEqual([]);
    expect(await count('limit_permits')).toBe(2 * MOST);
    for (const id of await ids()) await model.cancel(id);
  });

  it('go on when one of them is gone without a word, with the permits that its runs hold counted', async () => {
    const { model, other } = current();
    const session = await limitedWorker(model, limits);
    await limitedRuns(
      model,
      Array.from({ length: 12 }, (_, n) => ({ key: `k${n}` })),
    );
    const held = await model.claimAll(session);
    expect(held).toHaveLength(MOST);
    await model.dispatcher.stop();
    // Its lease runs out: nobody renews it.
    await model.database.query(`update pool_leases set expires_at = now() - interval '1 ms'`);
    expect(await other.claimAll(session)).toEqual([]);
    await other.report([ended.well(held[0]!)]);
    expect(await other.claimAll(session)).toHaveLength(1);
    for (const id of await ids()) await other.cancel(id);
    await other.report((await held).map((run) => ended.well(run)));
    await lapse(session);
    await other.reconcile();
    expect(await count('limit_permits')).toBe(0);
  });
});

/** Until somebody waits for a lock that somebody else holds. */
async function untilOneWaits({ database }: TestModel): Promise<void> {
  for (const until = performance.now() + 30_000; performance.now() < until; await pause(5)) {
    const waiting = await database.query(
      `select from pg_locks where not granted and locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
    );
    if (waiting.length > 0) return;
  }
}

const ids = async () =>
  (await current().other.database.query<{ id: string }>('select id from live_executions')).map(
    ({ id }) => id,
  );

describe('a rate', () => {
  const RUNS = 5;
  const PER_MS = 300;
  /** Between the clock at the beginning of a claim's transaction and the clock that counts. */
  const BLUR_MS = 25;

  it('is held in any window, by two backends, tries and idle times included, and is nearly used up', async () => {
    const { model, other } = current();
    const rates = [{ per: 'task', rate: { runs: RUNS, per_ms: PER_MS } }];
    const [here, there] = [
      await limitedWorker(model, rates, { worker: 'a' }),
      await limitedWorker(other, rates, { worker: 'b' }),
    ];
    const starts: number[] = [];
    let tries = 0;
    const work = async (by: TestModel, session: Session, enough: number) => {
      for (; starts.length < enough; await pause(3)) {
        by.dispatcher.pumpAll();
        await by.dispatcher.idle();
        const messages = by.broker.take();
        if (messages.length === 0) continue;
        const runs = (await by.claim(session, messages)).answers.flatMap((answer) => answer.runs);
        const rows = await by.database.query<{ at: number }>(
          `select extract(epoch from claimed_at)::float8 * 1000 as at from runs where id = any($1)`,
          [runs.map((run) => run.run_id)],
        );
        starts.push(...rows.map(({ at }) => at));
        await by.report(runs.map((run) => ((tries += 1) % 6 === 0 ? ended.badly(run, 0) : ended.well(run))));
      }
    };
    const beganAt = performance.now();
    await limitedRuns(model, repeated(25));
    await Promise.all([work(model, here, 25), work(other, there, 25)]);
    const tookMs = performance.now() - beganAt;
    await pause(2 * PER_MS);
    await limitedRuns(other, repeated(12));
    await Promise.all([work(model, here, 37), work(other, there, 37)]);
    starts.sort((a, b) => a - b);
    const spans = starts.slice(RUNS).map((at, index) => at - starts[index]!);
    expect(Math.min(...spans)).toBeGreaterThan(PER_MS - BLUR_MS);
    // Five windows of five; a busy machine is given time.
    expect(tookMs).toBeLessThan(4 * PER_MS * 3);
    for (const id of await ids()) await other.cancel(id);
  });

  it.each([
    { per: 'input.key', also: 'of each organisation', pairs: 3 },
    { per: 'organisation', also: 'whatever the input', pairs: 2 },
  ])('per $per is held for each apart, $also, by two backends', async ({ per, pairs }) => {
    const { model, other } = current();
    const hourly = [{ per, rate: { runs: 2, per_ms: 3_600_000 } }];
    const [here, there] = [
      await limitedWorker(model, hourly, { worker: 'a' }),
      await limitedWorker(other, hourly, { worker: 'b' }),
    ];
    const stranger = await createOrganisation(model.database);
    await limitedRuns(model, [...repeated(6, { key: 'a' }), ...repeated(5, { key: 'b' })]);
    await limitedRuns(other, repeated(5, { key: 'a' }), { organisationId: stranger });
    const nameOf = ({ organisation_id: organisation, input }: ClaimedRun) =>
      per === 'organisation' ? organisation : `${organisation} ${(input as { key: string }).key}`;
    /** Claims and ends all that may start now; how many those were, of each. */
    const startable = async () => {
      const starts: Record<string, number> = {};
      for (let none = 0; none < 2;) {
        const runs = (await Promise.all([model.claimAll(here), other.claimAll(there)])).flat();
        none = runs.length === 0 ? none + 1 : 0;
        for (const run of runs) starts[nameOf(run)] = (starts[nameOf(run)] ?? 0) + 1;
        await model.report(runs.map((run) => ended.well(run)));
      }
      return Object.values(starts);
    };
    const twoOfEach = Array.from({ length: pairs }, () => 2);
    expect(await startable()).toEqual(twoOfEach);
    // The hour is over: of each as many again, and no more.
    for (const table of ['limit_starts', 'limit_wakes'])
      await model.database.query(`update ${table} set at = at - interval '2 hours'`);
    expect(await startable()).toEqual(twoOfEach);
    expect(await count('limit_permits')).toBe(0);
    for (const id of await ids()) await model.cancel(id);
  });

  it('keeps nothing in mind for longer than it looks back', async () => {
    const { model } = current();
    const session = await limitedWorker(model, [{ per: 'input.key', rate: { runs: 1, per_ms: 20 } }]);
    for (let key = 0; key < 5; key += 1) {
      await limitedRuns(model, [{ key: String(key) }]);
      const runs = await model.claimAll(session);
      await model.report(runs.map((run) => ended.well(run)));
      await pause(25);
    }
    expect(await count('limit_starts')).toBeLessThanOrEqual(2);
    expect(await count('limit_permits')).toBe(0);
  });
});
