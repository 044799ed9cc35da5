import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import type { Session } from '../sessions/sessions.ts';
import { eventually } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { ended, startModel, type TestModel } from '../testing/model.ts';
import { truth } from '../testing/templates.ts';

/** Far above what a test takes. */
const TIMEOUT_S = 1_000;
let postgres: TestPostgres;
let model: TestModel;
let session: Session;
let databases = 0;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  const url = await postgres.createDatabase(`publications${(databases += 1)}`, truth);
  model = await startModel(url, { concurrency: 100, publicationTimeoutMs: TIMEOUT_S * 1000 });
  session = await model.session();
});
afterEach(async () => {
  try {
    expect(await brokenInvariants(model.database)).toEqual([]);
  } finally {
    await model.stop();
  }
});

const overdue = () => model.database.query(`update dispatches set due = now() - interval '1 s'`);

/** In how many publication time-outs each dispatch is looked after. */
async function waits(): Promise<number[]> {
  const rows = await model.database.query<{ seconds: number }>(
    'select extract(epoch from due - now())::float8 as seconds from dispatches',
  );
  return rows.map(({ seconds }) => seconds / TIMEOUT_S);
}

/** A pass with something out: what the broker may lose from now on is noticed. */
async function watched(): Promise<void> {
  await model.submit('work');
  const messages = await model.delivered();
  expect(await model.reconcile()).toMatchObject({ republished: 0 });
  const { answers } = await model.claim(session, messages);
  await model.report(answers.flatMap(({ runs }) => runs).map((run) => ended.well(run)));
}

describe('a publication that nobody claims', () => {
  it('is looked after ever later while the broker loses it, within a bound, and never forgotten', async () => {
    await model.submit('work');
    const seen: number[] = [];
    for (let publication = 1; publication <= 8; publication += 1) {
      expect(await model.delivered()).toHaveLength(1);
      seen.push(...(await waits()));
      await overdue();
      expect(await model.reconcile()).toMatchObject({ republished: 1 });
    }
    const usual = [1, 2, 4, 6, 6, 6, 6, 6];
    for (const [index, wait] of seen.entries()) {
      expect(wait / usual[index]!).toBeGreaterThan(0.7);
      expect(wait / usual[index]!).toBeLessThanOrEqual(1.25);
    }
    const [run] = await model.claimAll(session);
    await model.report([ended.well(run!)]);
  });

  it('is asked about as seldom while the broker still has it', async () => {
    await model.submit('work');
    await model.delivered();
    await model.database.query('update dispatches set publications = 4');
    model.broker.publisher.isWaiting = async () => true;
    await overdue();
    expect(await model.reconcile()).toMatchObject({ republished: 0 });
    const [wait] = await waits();
    expect(wait).toBeGreaterThan(4);
    expect(wait).toBeLessThanOrEqual(7.5);
  });

  it('is looked after at once when the broker may have lost it', async () => {
    await watched();
    await model.submit('work');
    expect(await model.delivered()).toHaveLength(1);
    model.broker.empty();
    expect(await model.reconcile()).toMatchObject({ republished: 1 });
    const [run] = await model.claimAll(session);
    await model.report([ended.well(run!)]);
  });

  it('is asked about again when a broker that may have lost it does not answer yet', async () => {
    const { publisher } = model.broker;
    const { isWaiting } = publisher;
    await watched();
    await model.submit('work');
    await model.delivered();
    model.broker.empty();
    publisher.isWaiting = () => Promise.reject(new Error('LOADING'));
    expect(await model.reconcile()).toMatchObject({ republished: 0 });
    publisher.isWaiting = isWaiting;
    expect(await model.reconcile()).toMatchObject({ republished: 1 });
  });

  it('stays where it is when it is on its way to a broker that may have lost others', async () => {
    const { publisher } = model.broker;
    const { publish } = publisher;
    await watched();
    const heard = Promise.withResolvers<void>();
    publisher.publish = async (...args) => {
      await heard.promise;
      await publish(...args);
    };
    await model.submit('work');
    await model.pools.refresh();
    model.dispatcher.pumpAll();
    await eventually(async () => (await waits())[0]! > 0.5);
    model.broker.empty();
    const reconciled = model.reconcile();
    // Long enough for a pass that does not wait for what is under way.
    await Promise.race([reconciled, new Promise((resolve) => setTimeout(resolve, 500))]);
    heard.resolve();
    expect(await reconciled).toMatchObject({ republished: 0 });
    expect(await model.delivered()).toHaveLength(1);
  });

  it('does not keep silent workers from being given up while the broker says nothing', async () => {
    await model.submit('work');
    await model.claimAll(session);
    await model.submit('work');
    await model.delivered();
    await overdue();
    const silence = Promise.withResolvers<boolean>();
    model.broker.publisher.isWaiting = () => silence.promise;
    await model.reconcile();
    await model.database.query(`update sessions set seen_at = now() - interval '1 minute'`);
    const began = performance.now();
    expect(await model.reconcile()).toMatchObject({ lapsedSessions: 1, requeued: 1, republished: 0 });
    // Of a pass that comes much later than the one before nothing silent is believed.
    expect(performance.now() - began).toBeLessThan(2_500);
    silence.resolve(false);
    session = await model.session();
    await eventually(async () => {
      for (const run of await model.claimAll(session)) await model.report([ended.well(run)]);
      return (await waits()).length === 0;
    });
  });

  it('is not looked after at the same moment as all the others', async () => {
    for (let work = 0; work < 100; work += 1) await model.submit('work');
    await model.delivered();
    await overdue();
    await model.reconcile();
    await model.delivered();
    const all = await waits();
    expect(Math.max(...all) - Math.min(...all)).toBeGreaterThan(0.5);
  });
});
