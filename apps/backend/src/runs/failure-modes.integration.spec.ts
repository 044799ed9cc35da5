import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ClaimedRun, DispatchMessage, JsonValue, Report } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import type { Session } from '../sessions/sessions.ts';
import { ensurePartitions } from '../store/partitions.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { ended, startModel, type TestModel } from '../testing/model.ts';

let postgres: TestPostgres;
let model: TestModel;
/** A second backend on the same database. */
let other: TestModel;
let databases = 0;

beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);
afterAll(() => postgres.stop());
beforeEach(async () => {
  databases += 1;
  const url = await postgres.createDatabase(`failures${databases}`);
  model = await startModel(url, { concurrency: 200 });
  other = await startModel(url, { concurrency: 200 });
});
afterEach(async () => {
  try {
    expect(await brokenInvariants(model.database)).toEqual([]);
  } finally {
    await Promise.all([model.stop(), other.stop()]);
  }
});

const count = async (sql: string) =>
  Number((await model.database.query<{ n: string }>(`select count(*) as n from ${sql}`))[0]!.n);

/** Everything that reports, claims and messages may write. Log lines are not state. */
async function digest(): Promise<string> {
  const tables = ['runs', 'dispatches', 'attempts', 'live_executions'];
  const rows = tables.map((name) =>
    model.database.query(`select md5(string_agg(t::text, ',' order by t::text)) as it from ${name} t`),
  );
  return JSON.stringify(await Promise.all(rows));
}

const lapse = (session: Session) =>
  model.database.query(`update sessions set seen_at = now() - interval '1 hour' where id = $1`, [session.id]);

/** Makes what is published overdue, as far as nobody is at it. */
const overdue = () =>
  model.database.query(
    `update dispatches set due = now() - interval '1 s'
      where id = any(array(select id from dispatches where ready for update skip locked))`,
  );

/** Takes back what nobody answers for any more, and claims it. */
async function claimAfresh(session: Session): Promise<ClaimedRun[]> {
  await model.database.query(`update sessions set seen_at = now() - interval '1 hour' where id <> $1`, [
    session.id,
  ]);
  await overdue();
  await model.reconcile();
  return await model.claimAll(session);
}

/** Claims all there is and answers it with `report`, until nothing is left; answers the runs in the order claimed. */
async function drain(session: Session, report: (run: ClaimedRun) => Report = (run) => ended.well(run)) {
  const all: ClaimedRun[] = [];
  for (;;) {
    await model.database.query(`update dispatches set due = now() where not ready`);
    await model.reconcile();
    const runs = await model.claimAll(session);
    if (runs.length === 0) return all;
    all.push(...runs);
    await model.report(runs.map(report));
  }
}

/** A running plan that was fanned out, and its claimed children. */
async function fannedOut(session: Session, children: number, maxParallel: number | null = null) {
  const id = await model.submit('plan');
  const [plan] = await model.claimAll(session);
  const keys = Array.from({ length: children }, (_, key) => `k${key}`);
  await model.report([ended.inChildren(plan!, keys, maxParallel)]);
  const runs: ClaimedRun[] = [];
  for (let more = await model.claimAll(session); more.length > 0; more = await model.claimAll(session))
    runs.push(...more);
  return { id, plan: plan!, runs };
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

function inBatches<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, batch) =>
    items.slice(batch * size, (batch + 1) * size),
  );
}

describe('1: the continuation comes whatever becomes of the children', () => {
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

describe('2: a final state does not fall back', () => {
  it('when progress, a lapse, a hand-back and a retry race the final report, 2,000 times', async () => {
    const session = await model.session();
    model.catalogue.observe('work', 1);
    const { runs } = await fannedOut(session, 2_000);
    expect(runs).toHaveLength(2_000);
    for (const batch of inBatches(runs, 20)) {
      const say = (message: string) =>
        model.journal.progress(batch.map(({ token }) => ({ token, percentage: 50, message, data: null })));
      const rivals = batch.map((run, i) => ({
        ...{ runId: run.run_id, epoch: run.epoch, executionId: run.execution_id },
        ...{ output: null, error: null, delayMs: 0 },
        to: (['lapsed', 'released', 'retry', 'failed'] as const)[i % 4]!,
      }));
      const [answers, others] = await Promise.all([
        model.report(batch.map((run) => ended.well(run, 'kept'))),
        other.endAttempts(shuffled(rivals)).then((all) => new Map(all.map((one) => [one.run_id, one]))),
        say('before'),
        say('meanwhile'),
      ]);
      const rows = await model.database.query<{ id: string; state: string; at: string }>(
        `select id, state, to_jsonb(runs)::text as at from runs where id = any($1)`,
        [batch.map((run) => run.run_id)],
      );
      for (const answer of answers) {
        const row = rows.find(({ id }) => id === answer.run_id)!;
        expect(
          [answer.answer, others.get(answer.run_id)!.answer].filter((each) => each === 'accepted'),
        ).toHaveLength(1);
        expect(row.state === 'succeeded').toBe(answer.answer === 'accepted');
      }
      const settled = rows.filter(({ state }) => ['succeeded', 'failed'].includes(state));
      await say('afterwards');
      const later = await model.database.query<{ at: string }>(
        `select to_jsonb(runs)::text as at from runs where id = any($1) order by array_position($1, id)`,
        [settled.map(({ id }) => id)],
      );
      expect(later.map(({ at }) => at)).toEqual(settled.map(({ at }) => at));
    }
  }, 60_000);
});

describe('3: a message that comes again after the end', () => {
  it('writes nothing, of whatever kind it is', async () => {
    const session = await model.session();
    const messages: DispatchMessage[] = [];
    const reports: Report[] = [];
    const tell = async (report: Report) => void (reports.push(report), await model.report([report]));
    await model.submit('plan');
    for (let more = await model.delivered(); more.length > 0; more = await model.delivered()) {
      messages.push(...more);
      for (const run of (await model.claim(session, more)).answers.flatMap((answer) => answer.runs)) {
        const retried = run.attempt === 1 && run.task === 'work';
        if (run.task === 'plan') await tell(ended.inChildren(run, ['a', 'b', 'c'], 2));
        else await tell(retried ? ended.badly(run, 0) : ended.well(run, run.task));
      }
    }
    expect(await count(`runs where state = 'succeeded'`)).toBe(5);
    const before = await digest();
    const strangers = [session, await other.session()];
    for (const each of [...messages, ...shuffled(messages)])
      for (const by of strangers) expect((await model.claim(by, [each])).answers[0]!.answer).toBe('refused');
    for (const report of [...reports, ...shuffled(reports)]) {
      const { run_id, epoch, token } = report;
      await model.report([report]);
      await model.report([{ run_id, epoch, token, outcome: 'released' }]);
      await other.report([{ ...ended.badly({ run_id, epoch, token } as ClaimedRun, 0) }]);
      await other.report([ended.inChildren({ run_id, epoch, token } as ClaimedRun, ['a', 'new'])]);
      await model.journal.progress([{ token, percentage: 1, message: 'late', data: null }]);
    }
    await Promise.all([model.reconcile(), other.reconcile()]);
    expect(await digest()).toBe(before);
  });
});

describe('5, 6: two workers on one run', () => {
  it('the older epoch writes nothing, whichever report comes first, 200 times', async () => {
    const slow = await model.session();
    const { runs: stale } = await fannedOut(slow, 200);
    await lapse(slow);
    const fast = await other.session();
    await model.reconcile();
    const current: ClaimedRun[] = [];
    for (let more = await model.claimAll(fast); more.length > 0; more = await model.claimAll(fast))
      current.push(...more);
    expect(current).toHaveLength(200);
    expect(new Set(current.map(({ epoch }) => epoch))).toEqual(new Set([2]));
    const late = stale.map((run) => model.report([ended.well(run, 'late')]));
    const kept = shuffled(current).map((run) => other.report([ended.well(run, 'kept')]));
    const lateProgress = stale.map(({ token }) =>
      model.journal.progress([{ token, percentage: 9, message: 'late', data: null }]),
    );
    const answers = (await Promise.all([...late, ...kept])).flat().map(({ answer }) => answer);
    await Promise.all(lateProgress);
    expect(answers).toEqual([...stale.map(() => 'superseded'), ...current.map(() => 'accepted')]);
    expect(await count(`runs where output = '{"inline": "kept"}' and progress is null`)).toBe(200);
  });
});

describe('8: not done before its files are', () => {
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

describe('9: one fan-out', () => {
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

describe('10: the continuation runs once', () => {
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

describe('11: committed is enqueued in the end', () => {
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

describe('12: organisations', () => {
  it('are not mixed up in one batch, and a token reaches its own run alone', async () => {
    const session = await model.session();
    for (let i = 0; i < 20; i += 1) await (i % 2 === 0 ? model : other).submit('plan');
    await other.dispatcher.idle();
    const plans = await model.claimAll(session);
    await model.report(plans.map((plan) => ended.inChildren(plan, ['a', 'b'])));
    const runs = await model.claimAll(session);
    for (const run of runs) {
      const row = await model.run(run.run_id);
      const root = await model.run(row['root_id'] as string);
      expect([run.organisation_id, run.execution_id]).toEqual([root['organisation_id'], root['id']]);
    }
    const foreign = runs.map((run, i) => ({ ...ended.well(run), token: runs[(i + 1) % runs.length]!.token }));
    expect((await model.report(foreign)).map(({ answer }) => answer)).toEqual(runs.map(() => 'superseded'));
    await model.report(runs.map((run) => ended.well(run)));
    await drain(session);
  });

  it('cannot name the files of another execution in a fan-out', async () => {
    const session = await model.session();
    const [mine, theirs] = [await model.submit('plan'), await other.submit('work')];
    const file = crypto.randomUUID();
    await model.database.query(
      `insert into files (id, execution_id, organisation_id, ordinal, name, size, sha256, object, byte_offset)
       values ($1, $2, $3, 0, 'secret.txt', 0, '00', 'uploads/x', 0)`,
      [file, theirs, other.organisationId],
    );
    const plan = (await model.claimAll(session)).find((run) => run.run_id === mine)!;
    const report = ended.inChildren(plan, ['a']);
    await model.report([{ ...report, children: [{ ...report.children[0]!, file_id: file }] }]);
    const [child] = await model.claimAll(session);
    expect(child?.file ?? null).toBeNull();
  });
});

describe('13: nothing done is no success', () => {
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

describe('14: a bad payload', () => {
  it('harms its own run alone: the other 495 of the batch finish', async () => {
    const session = await model.session();
    model.catalogue.observe('work', 1);
    const { runs } = await fannedOut(session, 500);
    const bad = new Map<number, JsonValue>([
      [3, 'NUL \0'],
      [77, { '\0': 1 }],
      [200, 'half \ud83d of a pair'],
      [340, { ['\udc00']: [] }],
    ]);
    const fine = new Map<number, JsonValue>([
      [5, 'x'.repeat(5_000_000)],
      [6, JSON.parse(JSON.stringify({ a: NaN, b: -Infinity })) as JsonValue],
      [7, ['a list', 'for an object']],
      [8, 1e308],
      [10, JSON.parse('['.repeat(3_000) + ']'.repeat(3_000)) as JsonValue],
      [9, { __proto__: null, constructor: 'x', '': '' }],
    ]);
    const answers = await model.report(
      runs.map((run, i) => ended.well(run, bad.get(i) ?? fine.get(i) ?? 'fine')),
    );
    expect(answers.flatMap(({ answer }, i) => (answer === 'accepted' ? [] : [i]))).toEqual([...bad.keys()]);
    expect(await count(`runs where state = 'succeeded'`)).toBe(496);
    expect(await count(`runs where state = 'failed' and error ->> 'code' = 'unstorable_report'`)).toBe(4);
    expect((await drain(session)).map((run) => run.task)).toEqual(['finish']);
  }, 30_000);

  it('in a fan-out fails its own run alone', async () => {
    const session = await model.session();
    for (let i = 0; i < 5; i += 1) await model.submit('plan');
    const plans = await model.claimAll(session);
    const answers = await model.report(
      plans.map((plan, i) => ended.inChildren(plan, ['a', i === 2 ? '\ud800' : i === 3 ? '\0' : 'b'])),
    );
    expect(answers.map(({ answer }) => answer).sort()).toEqual([
      'accepted',
      'accepted',
      'accepted',
      'rejected',
      'rejected',
    ]);
    expect(await drain(session)).toHaveLength(9);
  });

  it('in a progress or log line loses at most that line', async () => {
    const session = await model.session();
    const { runs } = await fannedOut(session, 2);
    const [bad, good] = runs as [ClaimedRun, ClaimedRun];
    const data = { ['key \0 \ud800']: 'x' };
    await model.journal.progress([
      { token: bad.token, percentage: 1, message: 'NUL \0', data },
      { token: good.token, percentage: 2, message: 'good', data: null },
    ]);
    await model.journal.log([
      { token: bad.token, level: 'info', message: 'half \ud800', fields: data },
      { token: good.token, level: 'info', message: 'good', fields: null },
    ]);
    expect(await model.run(good.run_id)).toMatchObject({ progress: { percentage: 2 } });
    expect(await count(`run_logs where message = 'good'`)).toBe(1);
  });
});

describe('17: the broker is emptied', () => {
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
  }, 60_000);
});

describe('22: workers that come and go', () => {
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

describe('23: reports that touch the same parents', () => {
  it('in shuffled orders from four workers do not fail, and count exactly', async () => {
    const session = await model.session();
    await other.refresh();
    for (let round = 0; round < 10; round += 1) {
      for (let i = 0; i < 20; i += 1) await model.submit('plan');
      const plans = await model.claimAll(session);
      const keys = Array.from({ length: 10 }, (_, key) => `${key}`);
      await model.report(plans.map((plan) => ended.inChildren(plan, keys)));
      const runs: ClaimedRun[] = [];
      for (let more = await model.claimAll(session); more.length > 0; more = await model.claimAll(session))
        runs.push(...more);
      expect(runs).toHaveLength(200);
      const batches = inBatches(shuffled(runs), 10);
      const workers = [model, other, model, other].map(async (backend, worker) => {
        for (const batch of batches.filter((_, i) => i % 4 === worker))
          await backend.report(
            shuffled(batch).map((run) => (Math.random() < 0.2 ? ended.badly(run, 0) : ended.well(run))),
          );
      });
      await Promise.all(workers);
      expect((await drain(session)).filter((run) => run.task === 'finish')).toHaveLength(20);
      expect(await brokenInvariants(model.database)).toEqual([]);
    }
    expect(await count(`runs where state <> 'succeeded'`)).toBe(0);
    const [{ deadlocks }] = (await model.database.query<{ deadlocks: number }>(
      'select deadlocks::int from pg_stat_database where datname = current_database()',
    )) as [{ deadlocks: number }];
    expect(deadlocks).toBe(0);
  }, 60_000);
});

describe('any order of events', () => {
  it.each([1, 2, 3])(
    'leaves nothing behind: two backends, sessions that come and go, messages lost and repeated (%d)',
    async () => {
      for (const backend of [model, other]) backend.catalogue.observe('work', 10);
      const bag: DispatchMessage[] = [];
      const held: ClaimedRun[] = [];
      const sessions: Session[] = [];
      const failures: unknown[] = [];
      const any = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)]!;
      const backend = () => any([model, other]);
      const reportOf = (run: ClaimedRun): Report => {
        if (run.task === 'plan' && Math.random() < 0.8)
          return ended.inChildren(
            run,
            ['a', 'b', 'c', 'd', 'e', 'f'].slice(Math.floor(Math.random() * 7)),
            any([null, 1, 2]),
          );
        return any([
          ended.well(run),
          ended.well(run),
          ended.well(run),
          ended.badly(run, 0),
          ended.badly(run),
          ended.back(run),
        ]);
      };
      const actions: (() => Promise<unknown>)[] = [
        async () => backend().submit(any(['plan', 'plan', 'work'])),
        async () => sessions.push(await backend().session()),
        async () => lapse(any(sessions)),
        async () => backend().sessions.end(any(sessions)),
        async () => backend().reconcile(),
        async () => backend().reconcile(),
        overdue,
        async () => backend().refresh(),
        () => model.database.query(`update pool_leases set expires_at = now() - interval '1 s'`),
        ...Array.from({ length: 6 }, () => async () => {
          const taken = [...model.broker.take(), ...other.broker.take()];
          bag.push(...taken.filter(() => Math.random() < 0.9));
          const some = Array.from({ length: 5 }, () => any(bag)).filter((each) => each !== undefined);
          if (some.length === 0) return;
          const { answers } = await backend().claim(any(sessions), some);
          held.push(...answers.flatMap((answer) => answer.runs));
        }),
        ...Array.from({ length: 8 }, () => async () => {
          const some = [
            ...new Map(
              Array.from({ length: 6 }, () => any(held))
                .filter((run) => run !== undefined)
                .map((run) => [run.run_id, run]),
            ).values(),
          ];
          if (some.length === 0) return;
          await backend().report(some.map(reportOf));
          const { token } = some[0]!;
          await backend().journal.progress([{ token, percentage: 5, message: null, data: null }]);
        }),
      ];
      sessions.push(await model.session());
      await Promise.all([model.catalogue.refresh(), other.catalogue.refresh()]);
      const actor = async () => {
        for (let step = 0; step < 120; step += 1)
          await any(actions)().catch((error: unknown) => failures.push(error));
      };
      for (let i = 0; i < 10; i += 1) await model.submit('plan');
      for (let phase = 0; phase < 3; phase += 1) {
        await Promise.all(Array.from({ length: 6 }, actor));
        expect(await brokenInvariants(model.database)).toEqual([]);
      }
      expect(failures).toEqual([]);
      await model.database.query(`update pool_leases set expires_at = now() - interval '1 s'`);
      const last = await model.session();
      for (let pass = 0; pass < 20 && (await count('live_executions')) > 0; pass += 1) {
        const runs = await claimAfresh(last);
        await model.report(runs.map((run) => ended.well(run)));
        await drain(last);
      }
      expect(await count(`runs where state not in ('succeeded', 'failed')`)).toBe(0);
      expect(await count('dispatches')).toBe(0);
    },
    60_000,
  );
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
  return { id, pool, worker: 'special' };
}
