import { beforeEach, describe, expect, it } from '@jest/globals';
import { ended, type TestModel } from '../testing/model.ts';
import { twoBackends } from '../testing/two-backends.ts';

const { current, count, lapse, overdue, claimAfresh, drain, fannedOut } = twoBackends();
let model: TestModel;
/** A second backend on the same database. */
let other: TestModel;
beforeEach(() => {
  ({ model, other } = current());
});

describe('failure mode 1: the continuation comes whatever becomes of the children', () => {
  it('children that use up their attempts, and children that kill their workers: the parent ends', async () => {
    const { id } = await fannedOut(await model.session(), 3);
    for (let start = 1; start <= 5; start += 1) {
      const lost = await model.session();
      const runs = await claimAfresh(lost);
      const [first, second] = runs.filter(
        (run) => run.input !== null && (run.input as { key: string }).key !== 'k2',
      );
      await model.report([first, second].flatMap((run) => (run === undefined ? [] : [ended.badly(run, 0)])));
      await lapse(lost);
    }
    const finish = await drain(await model.session());
    expect(finish.map((run) => run.task)).toEqual(['finish']);
    expect(finish[0]!.children!.map(({ error }) => error?.code)).toEqual(['broken', 'broken', 'poison']);
    expect(await model.run(id)).toMatchObject({ state: 'succeeded' });
  });

  it('a continuation that fails for good ends the parent as failed', async () => {
    const session = await model.session();
    const { id, runs } = await fannedOut(session, 2);
    await model.report(runs.map((run) => ended.well(run)));
    expect(await model.run(id)).toMatchObject({ state: 'waiting', finished_at: null });
    await drain(session, (run) => ended.badly(run, 0));
    expect(await model.run(id)).toMatchObject({ state: 'failed', error: { code: 'broken' } });
  });
});

describe('failure mode 8: not done before its files are', () => {
  it('the parent waits until its continuation has ended, and there is one continuation', async () => {
    const session = await model.session();
    const { id, runs } = await fannedOut(session, 3);
    for (const run of runs) {
      expect(await count(`runs where key = ''`)).toBe(0);
      await model.report([ended.well(run)]);
      expect(await model.run(id)).toMatchObject({ state: 'waiting', finished_at: null });
    }
    const messages = await model.delivered();
    const both = await Promise.all([model.claim(session, messages), other.claim(session, messages)]);
    const finish = both.flatMap(({ answers }) => answers.flatMap((answer) => answer.runs));
    expect(finish.map((run) => run.task)).toEqual(['finish']);
    expect(await model.run(id)).toMatchObject({ state: 'waiting' });
    await Promise.all([model.report([ended.well(finish[0]!)]), other.report([ended.well(finish[0]!)])]);
    expect(await model.run(id)).toMatchObject({ state: 'succeeded' });
    expect(await count(`runs where key = ''`)).toBe(1);
  });
});

describe('failure mode 9: one fan-out', () => {
  it('is made when it is reported twice at once by two backends, 50 times', async () => {
    const session = await model.session();
    await Promise.all([other.refresh(), other.catalogue.refresh()]);
    for (let plan = 0; plan < 50; plan += 1) await model.submit('plan');
    for (const plan of await model.claimAll(session))
      await Promise.all(
        [model, other, model].map((each) => each.report([ended.inChildren(plan, ['a', 'b'])])),
      );
    expect(await count('runs where ordinal is not null')).toBe(100);
    expect((await drain(session)).filter((run) => run.task === 'finish')).toHaveLength(50);
  });

  it('is made when the worker fails after it, or dies between claim and report', async () => {
    const first = await model.session();
    const id = await model.submit('plan');
    await model.claimAll(first);
    await lapse(first);
    const session = await model.session();
    await model.reconcile();
    const [plan] = await model.claimAll(session);
    await model.report([ended.inChildren(plan!, ['a', 'b'])]);
    expect((await model.report([ended.badly(plan!, 0)]))[0]!.answer).toBe('superseded');
    await model.sessions.end(session);
    const last = await model.session();
    await overdue();
    await model.reconcile();
    expect(await drain(last)).toHaveLength(3);
    expect(await model.run(id)).toMatchObject({ state: 'succeeded', starts: 2 });
  });
});

describe('failure mode 10: the continuation runs once', () => {
  it('when its message is delivered twice, its claim and its report repeated', async () => {
    const session = await model.session();
    const { id, runs } = await fannedOut(session, 1);
    await model.report([ended.well(runs[0]!)]);
    const [message] = await model.delivered();
    const twice = await model.claims(
      session,
      [message!, message!].map((each) => ({ ...each, claim_id: crypto.randomUUID() })),
    );
    const finish = twice.answers.flatMap((answer) => answer.runs);
    expect(finish).toHaveLength(1);
    for (let times = 0; times < 3; times += 1) await model.report([ended.well(finish[0]!)]);
    expect(await drain(session)).toEqual([]);
    expect(await model.run(id)).toMatchObject({ state: 'succeeded' });
  });
});

describe('failure mode 13: nothing done is no success', () => {
  it.each([0, 3])(
    'of %d children that all failed only the continuation decides, and it hears of them',
    async (children) => {
      const session = await model.session();
      const { id, runs } = await fannedOut(session, children);
      if (children > 0) await model.report(runs.map((run) => ended.badly(run)));
      expect(await model.run(id)).toMatchObject({ state: 'waiting' });
      // Without children the continuation was claimed with them: there was nothing else.
      const [finish] = children > 0 ? await model.claimAll(session) : runs;
      expect(finish!.children!.map(({ state }) => state)).toEqual(Array<string>(children).fill('failed'));
      await model.report([ended.badly(finish!)]);
      expect(await model.run(id)).toMatchObject({ state: 'failed' });
    },
  );
});
