import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ClaimedRun, DispatchMessage } from '@longshore/contracts';
import type { Session } from '../sessions/sessions.ts';
import { ensurePartitions } from '../store/partitions.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { ended, type TestModel } from '../testing/model.ts';
import { twoBackends } from '../testing/two-backends.ts';

const { current, count, lapse, overdue, drain } = twoBackends();
let model: TestModel;
/** A second backend on the same database. */
let other: TestModel;
beforeEach(() => {
  ({ model, other } = current());
});

describe('failure mode 11: committed is enqueued in the end', () => {
  it('when the broker fails before or after it took the messages', async () => {
    const session = await model.session();
    const { publisher } = model.broker;
    const publish = publisher.publish.bind(publisher);
    let calls = 0;
    publisher.publish = async (queue, messages) => {
      calls += 1;
      if (calls % 3 === 1) throw new Error('away');
      await publish(queue, messages);
      if (calls % 3 === 2) throw new Error('the answer was lost');
    };
    for (let i = 0; i < 30; i += 1) await model.submit('plan');
    const seen: ClaimedRun[] = [];
    for (let pass = 0; pass < 12; pass += 1) {
      const runs = await model.claimAll(session);
      seen.push(...runs);
      await model.report(
        runs.map((run) => (run.task === 'plan' ? ended.inChildren(run, ['a', 'b'], 1) : ended.well(run))),
      );
      await overdue();
      await model.reconcile();
    }
    expect(new Set(seen.map((run) => run.run_id)).size).toBe(seen.length);
    expect(seen).toHaveLength(30 * 4);
    expect(await count(`runs where state <> 'succeeded'`)).toBe(0);
  });
});

describe('failure mode 17: the broker is emptied', () => {
  it('during 200 executions, again and again: all finish, once', async () => {
    const session = await model.session();
    for (let i = 0; i < 200; i += 1) await model.submit('plan');
    const seen: ClaimedRun[] = [];
    for (let pass = 0; pass < 60 && (await count('live_executions')) > 0; pass += 1) {
      if (pass % 3 === 0) {
        model.dispatcher.pumpAll();
        await model.dispatcher.idle();
        model.broker.take();
        await overdue();
        await model.reconcile();
      }
      const runs = await model.claimAll(session);
      seen.push(...runs);
      await model.report(
        runs.map((run) => (run.task === 'plan' ? ended.inChildren(run, ['a', 'b'], 1) : ended.well(run))),
      );
    }
    expect(new Set(seen.map((run) => run.run_id)).size).toBe(seen.length);
    expect(seen).toHaveLength(200 * 4);
    expect(await count('live_executions')).toBe(0);
  });
});

describe('failure mode 22: workers that come and go', () => {
  it('clear nothing, and are not counted when they are gone', async () => {
    const ids = [await model.submit('work'), await model.submit('work')];
    for (let i = 0; i < 30; i += 1) {
      const session = await model.session();
      if (i % 2 === 0) await lapse(session);
      else await model.sessions.end(session);
      await model.reconcile();
    }
    expect(await count('sessions where ended_at is null')).toBe(0);
    expect(await count('dispatches where session_id is null')).toBe(2);
    expect(model.pools.isServed('work', 'default')).toBe(false);
    const session = await model.session();
    await overdue();
    await model.reconcile();
    expect((await drain(session)).map((run) => run.run_id).sort()).toEqual(ids.sort());
  });
});

describe('two backends', () => {
  it('a fan-out may name a task that was registered through the other one a moment ago', async () => {
    const session = await model.session('fresh', ['plan', 'work', 'finish', 'brand-new']);
    const id = await model.submit('plan');
    const [plan] = await model.claimAll(session);
    const report = { ...ended.inChildren(plan!, ['a']), then: { task: 'brand-new', input: {} } };
    expect((await other.report([report]))[0]).toMatchObject({ answer: 'accepted' });
    expect(await model.run(id)).toMatchObject({ state: 'waiting' });
    await drain(session);
  });

  it('publish each dispatch once, and a backend that lost its lease publishes nothing', async () => {
    const session = await model.session();
    await other.refresh();
    for (let i = 0; i < 50; i += 1) await Promise.all([model.submit('work'), other.submit('work')]);
    await Promise.all([model.dispatcher.idle(), other.dispatcher.idle()]);
    await model.database.query(`update pool_leases set expires_at = now() - interval '1 s'`);
    await Promise.all([other.refresh(), model.dispatcher.idle()]);
    for (let i = 0; i < 50; i += 1) await model.submit('work');
    model.dispatcher.pumpAll();
    await Promise.all([model.dispatcher.idle(), other.dispatcher.idle()]);
    const [late, current] = [model.broker.take(), other.broker.take()];
    await other.refresh();
    await other.dispatcher.idle();
    const messages = [...late, ...current, ...other.broker.take()];
    expect(new Set(messages.map((each) => each.dispatch_id)).size).toBe(messages.length);
    expect(messages).toHaveLength(150);
    expect((await model.claim(session, messages)).answers.flatMap((answer) => answer.runs)).toHaveLength(150);
    await drain(session);
  });

  it('make the partitions of runs at the same moment', async () => {
    const january = new Date('2031-01-15T00:00:00Z');
    await Promise.all([model, other, model, other].map((each) => ensurePartitions(each.database, january)));
    expect(await count(`pg_class where relname in ('runs_2031_01', 'runs_2031_02')`)).toBe(2);
  });
});

describe('a dispatch', () => {
  it('is not published to a pool that does not serve its queue, when a retry makes it ready', async () => {
    await model.session();
    const special = await register(['special']);
    await model.refresh();
    const id = await model.submit('plan');
    const [plan] = await model.claimAll(await model.session());
    const report = ended.inChildren(plan!, ['a']);
    await model.report([{ ...report, children: [{ ...report.children[0]!, queue: 'special' }] }]);
    const [child] = await model.claimAll(special);
    await model.refresh();
    await model.dispatcher.idle();
    await model.report([ended.badly(child!, 0)]);
    const [dispatch] = await model.database.query<{ pool: string | null }>('select pool from dispatches');
    expect([null, special.pool]).toContain(dispatch!.pool);
    expect(await model.run(id)).toMatchObject({ state: 'waiting' });
  });

  it('is not granted to a claim that names only some of its runs: the others would be lost', async () => {
    const session = await model.session();
    model.catalogue.observe('work', 1);
    await model.submit('plan');
    const [plan] = await model.claimAll(session);
    model.pools.get(session.pool)!.slots = 1;
    await model.report([ended.inChildren(plan!, ['a', 'b', 'c'])]);
    const [message] = await model.delivered();
    expect(message!.run_ids.length).toBeGreaterThan(1);
    const { answers } = await model.claim(session, [{ ...message!, run_ids: message!.run_ids.slice(1) }]);
    await model.report(answers.flatMap((answer) => answer.runs).map((run) => ended.well(run)));
    await model.sessions.end(session);
    await model.reconcile();
    expect(await brokenInvariants(model.database)).toEqual([]);
  });

  it('keeps its runs when an older message of the same run is claimed in the same batch', async () => {
    const session = await model.session();
    await model.submit('work');
    const [old] = await model.delivered();
    const [run] = (await model.claim(session, [old!])).answers.flatMap((answer) => answer.runs);
    await model.report([ended.back(run!)]);
    const [current] = await model.delivered();
    const { answers } = await model.claim(session, [current!, old!]);
    expect(answers.map(({ answer }) => answer)).toEqual(['granted', 'refused']);
    expect(await brokenInvariants(model.database)).toEqual([]);
    await model.report(answers.flatMap((answer) => answer.runs).map((again) => ended.well(again)));
    expect(await count('dispatches')).toBe(0);
  });

  it('that is delivered many times into one batch of claims is granted to one of them', async () => {
    const session = await model.session();
    await model.submit('work');
    const [message] = await model.delivered();
    const { answers } = await model.claim(session, Array(5).fill(message!) as DispatchMessage[]);
    expect(answers.map(({ answer }) => answer).sort()).toEqual([
      'granted',
      ...Array<string>(4).fill('refused'),
    ]);
  });
});

/** A worker that knows all tasks and serves these queues. */
async function register(queues: string[]): Promise<Session> {
  const descriptors = await model.database.query<{ name: string }>('select name from tasks');
  const { session_id: id, pool } = await model.sessions.register({
    ...{
      worker: 'special',
      instance: 'special-1',
      hostname: 'here',
      pid: 1,
      contract_version: 1,
      health_port: null,
    },
    ...{ queues, concurrency: 10 },
    tasks: descriptors.map(({ name }) => ({
      ...{
        name,
        group: 'General',
        queue: 'default',
        description: '',
        input_schema: {},
        isolation: 'inline' as const,
      },
      ...{ max_attempts: 3, soft_limit_ms: 1000, hard_limit_ms: 1000 },
    })),
  });
  return { id, pool, worker: 'special', queues };
}
