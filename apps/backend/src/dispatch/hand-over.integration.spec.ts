import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { eventually } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { ended, startModel, type TestModel } from '../testing/model.ts';
import { truth } from '../testing/templates.ts';

let postgres: TestPostgres;
let one: TestModel;
let two: TestModel;
let databases = 0;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  const url = await postgres.createDatabase(`handover${(databases += 1)}`, truth);
  one = await startModel(url, { connected: true });
  two = await startModel(url, { connected: true });
  await eventually(async () => [one, two].every(({ notifications }) => notifications.isCurrent()));
});
afterEach(async () => {
  try {
    expect(await brokenInvariants(one.database)).toEqual([]);
  } finally {
    await Promise.all([one.stop(), two.stop()]);
  }
});

/** Who holds the lease of the one pool. */
const holder = async () =>
  (await two.database.query<{ holder: string }>('select holder from pool_leases where expires_at > now()'))[0]
    ?.holder;

// No poll runs in these tests and no reconciler: whatever happens was said.
describe('without any poll', () => {
  it('a backend that stops in order is followed at once, and what waited then is published', async () => {
    const session = await one.session();
    await two.refresh();
    expect(await holder()).toBe(one.backendId);
    await one.dispatcher.stop();
    const id = await one.submit('work');
    await one.release();
    await eventually(async () => (await holder()) === two.backendId);
    await eventually(async () => two.broker.messages.length === 1);
    const { answers } = await two.claim(session, two.broker.take());
    expect(answers[0]!.runs.map((run) => run.run_id)).toEqual([id]);
    await two.report(answers[0]!.runs.map((run) => ended.well(run)));
  });

  it('what a worker hands back is published again at once, whichever backend it tells', async () => {
    const session = await one.session();
    await two.refresh();
    for (const told of [one, two]) {
      await one.submit('work');
      const [run] = await one.claimAll(session);
      await told.report([ended.back(run!)]);
      await eventually(async () => one.broker.messages.length === 1);
      const { answers } = await one.claim(session, one.broker.take());
      expect(answers[0]!.runs).toMatchObject([{ run_id: run!.run_id, epoch: run!.epoch + 1 }]);
      await one.report([ended.well(answers[0]!.runs[0]!)]);
    }
  });

  it('nothing more is published for the slots of a worker that said it stops', async () => {
    const [stopping] = [await one.session(), await one.session()];
    for (let run = 0; run < 100; run += 1) await one.submit('work');
    await one.dispatcher.idle();
    // Two workers of ten slots, each slot with one that executes and one that waits.
    expect(one.broker.messages).toHaveLength(40);
    await one.sessions.heartbeat(stopping, { active: 0, loop_age_ms: 0, state: 'draining' });
    const { answers } = await one.claim(stopping, one.broker.take());
    // Long enough for each to travel alone.
    const slow = answers.flatMap(({ runs }) => runs.map((run) => ({ ...ended.well(run), duration_ms: 100 })));
    await one.report(slow);
    await one.dispatcher.idle();
    expect(one.broker.messages).toHaveLength(20);
  });

  it('the slots that a heartbeat tells of are filled, and one that tells of none changes nothing', async () => {
    const session = await one.session();
    for (let run = 0; run < 100; run += 1) await one.submit('work');
    await one.dispatcher.idle();
    expect(one.broker.messages).toHaveLength(20);
    const pulse = { active: 10, loop_age_ms: 0, state: 'active' } as const;
    await one.sessions.heartbeat(session, { ...pulse, concurrency: 15 });
    await one.dispatcher.idle();
    expect(one.broker.messages).toHaveLength(30);
    await one.sessions.heartbeat(session, pulse);
    await one.dispatcher.idle();
    expect(one.broker.messages).toHaveLength(30);
    const { answers } = await one.claim(session, one.broker.take());
    await one.report(answers.flatMap((answer) => answer.runs.map((run) => ended.well(run))));
  });
});
