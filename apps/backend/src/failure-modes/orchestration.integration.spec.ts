import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ClaimedRun } from '@longshore/contracts';
import { ended, type TestModel } from '../testing/model.ts';
import { twoBackends } from '../testing/two-backends.ts';

const { current, count, digest, drain, fannedOut } = twoBackends();
let model: TestModel;
/** A second backend on the same database. */
let other: TestModel;
beforeEach(() => {
  ({ model, other } = current());
});

describe('failure mode 1: what plans an execution fails', () => {
  it('in its set-up, each time: the execution ends as failed, and was tried as often as it may be', async () => {
    const session = await model.session();
    const id = await model.submit('plan');
    const tried = await drain(session, (run) => ended.badly(run, 0));
    expect(tried.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(await model.run(id)).toMatchObject({ state: 'failed', attempts: 3, error: { code: 'broken' } });
    expect(await count('live_executions')).toBe(0);
  });
});

describe('failure mode 9: one orchestration', () => {
  it('runs once when its message is delivered to many workers of two backends at the same moment', async () => {
    const sessions = [await model.session(), await model.session(), await model.session()];
    const plans: ClaimedRun[] = [];
    for (let round = 0; round < 20; round += 1) {
      await model.submit('plan');
      const messages = await model.delivered();
      const claims = sessions.flatMap((session) =>
        [model, other].map((each) => each.claim(session, messages)),
      );
      const answers = (await Promise.all(claims)).flatMap((response) => response.answers);
      plans.push(...answers.flatMap(({ runs }) => runs));
    }
    expect(plans).toHaveLength(20);
    await model.report(plans.map((plan) => ended.inChildren(plan, ['a', 'b'])));
    const runs = await drain(sessions[0]!);
    expect(runs.filter(({ task }) => task === 'work')).toHaveLength(40);
    expect(runs.filter(({ task }) => task === 'finish')).toHaveLength(20);
  });

  it('counts its children once when its fan-out is told again after some of them have ended', async () => {
    const session = await model.session();
    const { id, plan, runs } = await fannedOut(session, 3);
    await model.report([ended.well(runs[0]!)]);
    const before = await digest();
    const again = ['k0', 'k1', 'k2'];
    for (const each of [model, other])
      expect((await each.report([ended.inChildren(plan, again)]))[0]!.answer).toBe('accepted');
    expect(await digest()).toBe(before);
    await model.report(runs.slice(1).map((run) => ended.well(run)));
    expect((await drain(session)).map(({ task }) => task)).toEqual(['finish']);
    expect(await model.run(id)).toMatchObject({ state: 'succeeded' });
  });
});

describe('failure mode 24: who leads a pool', () => {
  it('no more, publishes nothing for it, whatever it still believes', async () => {
    const session = await model.session();
    await model.refresh();
    await model.database.query(`update pool_leases set expires_at = now() - interval '1 s'`);
    await other.refresh();
    for (let times = 0; times < 10; times += 1) await model.submit('work');
    model.dispatcher.pumpAll();
    await model.dispatcher.idle();
    expect(model.broker.take()).toEqual([]);
    other.dispatcher.pumpAll();
    await other.dispatcher.idle();
    const { answers } = await other.claim(session, other.broker.take());
    const runs = answers.flatMap((answer) => answer.runs);
    expect(runs).toHaveLength(10);
    await model.report(runs.map((run) => ended.well(run)));
  });
});
