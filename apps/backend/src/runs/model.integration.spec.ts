import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ClaimedRun } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { brokenInvariants } from '../testing/invariants.ts';
import { ended, startModel, type TestModel } from '../testing/model.ts';
import { truth } from '../testing/templates.ts';

let postgres: TestPostgres;
let model: TestModel;
let databases = 0;

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  databases += 1;
  model = await startModel(await postgres.createDatabase(`model${databases}`, truth));
});
afterEach(async () => {
  try {
    expect(await brokenInvariants(model.database)).toEqual([]);
  } finally {
    await model.stop();
  }
});

const count = async (sql: string) =>
  Number((await model.database.query<{ n: string }>(`select count(*) as n from ${sql}`))[0]!.n);

/** Claims and succeeds everything until nothing is left, answering how many runs that were. */
async function drain(session: Awaited<ReturnType<TestModel['session']>>): Promise<ClaimedRun[]> {
  const all: ClaimedRun[] = [];
  for (;;) {
    const runs = await model.claimAll(session);
    if (runs.length === 0) return all;
    all.push(...runs);
    await model.report(runs.map((run) => ended.well(run, run.task === 'finish' ? 'done' : null)));
  }
}

describe('a claim', () => {
  it('is granted once, and a repeated message finds nothing to run', async () => {
    const session = await model.session();
    const id = await model.submit('work');
    const messages = await model.delivered();
    const first = await model.claim(session, messages);
    const second = await model.claim(session, messages);
    expect(first.answers[0]!.runs.map((run) => [run.run_id, run.epoch])).toEqual([[id, 1]]);
    expect(second.answers[0]).toMatchObject({ answer: 'refused', runs: [] });
    expect(await model.run(id)).toMatchObject({ state: 'running', epoch: 1, starts: 1 });
  });

  it('that is repeated because its answer was lost gets the same runs again', async () => {
    const session = await model.session();
    await model.submit('work');
    const claims = (await model.delivered()).map((message) => ({
      ...message,
      claim_id: crypto.randomUUID(),
    }));
    const first = await model.claims(session, claims);
    const again = await model.claims(session, claims);
    expect(again.answers[0]!.answer).toBe('granted');
    expect(again.answers[0]!.runs[0]!.epoch).toBe(first.answers[0]!.runs[0]!.epoch);
  });

  it('is refused to a session of another pool and to one that has ended', async () => {
    const session = await model.session();
    const stranger = await model.session('other', ['elsewhere']);
    await model.submit('work');
    const messages = await model.delivered();
    expect((await model.claim(stranger, messages)).answers[0]!.answer).toBe('refused');
    await model.sessions.end(session);
    expect((await model.claim(session, messages)).answers[0]!.answer).toBe('refused');
  });
});

describe('a report', () => {
  it('ends its run once; a repeated one is accepted without effect, a different one refused', async () => {
    const session = await model.session();
    const id = await model.submit('work');
    const [run] = await model.claimAll(session);
    expect((await model.report([ended.well(run!, 'first')]))[0]!.answer).toBe('accepted');
    expect((await model.report([ended.well(run!, 'second')]))[0]!.answer).toBe('accepted');
    expect((await model.report([ended.badly(run!)]))[0]!.answer).toBe('superseded');
    expect(await model.run(id)).toMatchObject({ state: 'succeeded', output: { inline: 'first' } });
    expect(await count('dispatches')).toBe(0);
    expect(await count('live_executions')).toBe(0);
  });

  it('of an older epoch writes nothing', async () => {
    const session = await model.session();
    const id = await model.submit('work');
    const [late] = await model.claimAll(session);
    await model.report([ended.back(late!)]);
    const [current] = await model.claimAll(session);
    expect(current!.epoch).toBe(2);
    expect((await model.report([ended.well(late!, 'late')]))[0]!.answer).toBe('superseded');
    expect(await model.run(id)).toMatchObject({ state: 'running', epoch: 2, output: null });
  });

  it('with a token of another run is refused', async () => {
    const session = await model.session();
    await model.submit('work');
    await model.submit('work');
    const [one, two] = await model.claimAll(session);
    const [answer] = await model.report([{ ...ended.well(one!), token: two!.token }]);
    expect(answer).toMatchObject({ answer: 'superseded' });
    expect((await model.run(one!.run_id))['state']).toBe('running');
  });

  it('that cannot be stored fails its own run; the others of the batch end as they said', async () => {
    const session = await model.session();
    for (let i = 0; i < 9; i += 1) await model.submit('work');
    const runs = await model.claimAll(session);
    const answers = await model.report(
      runs.map((run, i) => ended.well(run, i === 4 ? 'NUL \0' : `fine ${i}`)),
    );
    expect(answers.map((answer) => answer.answer)).toEqual(
      runs.map((_, i) => (i === 4 ? 'rejected' : 'accepted')),
    );
    expect(await model.run(runs[4]!.run_id)).toMatchObject({
      state: 'failed',
      error: { code: 'unstorable_report' },
    });
    expect(await count(`runs where state = 'succeeded'`)).toBe(8);
    expect(await count('dispatches')).toBe(0);
  });

  it('of a failure is retried after its delay while attempts are left, then fails', async () => {
    const session = await model.session();
    const id = await model.submit('work');
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await model.reconcile();
      const [run] = await model.claimAll(session);
      expect(run).toMatchObject({ attempt });
      await model.report([ended.badly(run!, 0)]);
    }
    expect(await model.run(id)).toMatchObject({ state: 'failed', attempts: 3, error: { code: 'broken' } });
    expect(await count('attempts')).toBe(2);
    expect(await model.claimAll(session)).toEqual([]);
  });

  it('of a failure with a delay waits as deferred and is not handed out early', async () => {
    const session = await model.session();
    await model.submit('work');
    const [run] = await model.claimAll(session);
    await model.report([ended.badly(run!, 60_000)]);
    await model.reconcile();
    expect(await model.claimAll(session)).toEqual([]);
    expect(await count('dispatches where not ready')).toBe(1);
  });
});

describe('a fan-out', () => {
  it('runs each child once and then one continuation, which ends the parent', async () => {
    const session = await model.session();
    const id = await model.submit('plan');
    const [plan] = await model.claimAll(session);
    await model.report([ended.inChildren(plan!, ['a', 'b', 'c'])]);
    expect(await model.run(id)).toMatchObject({ state: 'waiting', children_pending: 3 });
    const runs = await drain(session);
    expect(runs.map((run) => run.task)).toEqual(['work', 'work', 'work', 'finish']);
    expect(runs.at(-1)!.children!.map((child) => [child.key, child.state])).toEqual([
      ['a', 'succeeded'],
      ['b', 'succeeded'],
      ['c', 'succeeded'],
    ]);
    expect(await model.run(id)).toMatchObject({
      state: 'succeeded',
      output: { inline: 'done' },
      children_pending: 0,
    });
    expect(await count('dispatches')).toBe(0);
    expect(await count('live_executions')).toBe(0);
  });

  it('without children goes straight to its continuation', async () => {
    const session = await model.session();
    const id = await model.submit('plan');
    const [plan] = await model.claimAll(session);
    await model.report([ended.inChildren(plan!, [])]);
    expect((await drain(session)).map((run) => run.task)).toEqual(['finish']);
    expect((await model.run(id))['state']).toBe('succeeded');
  });

  it('that is reported twice, or late by an older epoch, makes no second set of children', async () => {
    const session = await model.session();
    await model.submit('plan');
    const [late] = await model.claimAll(session);
    await model.report([ended.back(late!)]);
    const [plan] = await model.claimAll(session);
    expect((await model.report([ended.inChildren(late!, ['x'])]))[0]!.answer).toBe('superseded');
    await Promise.all([
      model.report([ended.inChildren(plan!, ['a', 'b'])]),
      model.report([ended.inChildren(plan!, ['a', 'b'])]),
    ]);
    expect(await count('runs where ordinal is not null')).toBe(2);
    expect((await drain(session)).filter((run) => run.task === 'work')).toHaveLength(2);
  });

  it('keeps at most max_parallel children out, and opens one more for each that ends', async () => {
    const session = await model.session();
    await model.submit('plan');
    const [plan] = await model.claimAll(session);
    await model.report([ended.inChildren(plan!, ['1', '2', '3', '4', '5', '6', '7'], 2)]);
    const seen: string[] = [];
    let open = await model.claimAll(session);
    while (open.length > 0 && open[0]!.task === 'work') {
      expect(open.length).toBeLessThanOrEqual(2);
      seen.push(...open.map((run) => (run.input as { key: string }).key));
      await model.report(open.map((run) => ended.well(run)));
      open = await model.claimAll(session);
    }
    expect(seen).toEqual(['1', '2', '3', '4', '5', '6', '7']);
    expect(open.map((run) => run.task)).toEqual(['finish']);
  });

  it('of a fan-out ends from the inside out', async () => {
    const session = await model.session();
    const id = await model.submit('plan');
    const [plan] = await model.claimAll(session);
    await model.report([ended.inChildren(plan!, ['outer-1', 'outer-2'])]);
    const outer = await model.claimAll(session);
    await model.report([ended.inChildren(outer[0]!, ['inner-1', 'inner-2']), ended.well(outer[1]!)]);
    const inner = await model.claimAll(session);
    await model.report(inner.map((run) => ended.well(run)));
    const [innerFinish] = await model.claimAll(session);
    expect(innerFinish!.task).toBe('finish');
    await model.report([ended.inChildren(innerFinish!, ['deep'])]);
    await drain(session);
    expect((await model.run(id))['state']).toBe('succeeded');
    expect(await count(`runs where state <> 'succeeded'`)).toBe(0);
    expect(await count(`runs where key = ''`)).toBe(3);
  });

  it('whose continuation fails for good ends its parent as failed', async () => {
    const session = await model.session();
    const id = await model.submit('plan');
    const [plan] = await model.claimAll(session);
    await model.report([ended.inChildren(plan!, ['a'])]);
    await model.report((await model.claimAll(session)).map((run) => ended.badly(run)));
    const [finish] = await model.claimAll(session);
    expect(finish!.children).toMatchObject([{ state: 'failed', error: { code: 'broken' } }]);
    await model.report([ended.badly(finish!)]);
    expect(await model.run(id)).toMatchObject({ state: 'failed', error: { code: 'broken' } });
    expect(await count('live_executions')).toBe(0);
  });

  it('failure mode 19: that names an unknown task or one key twice fails its run with the reason', async () => {
    const session = await model.session();
    await model.submit('plan');
    await model.submit('plan');
    const [one, two] = await model.claimAll(session);
    const unknown = { ...ended.inChildren(one!, ['a']), then: { task: 'nobody', input: {} } };
    const answers = await model.report([unknown, ended.inChildren(two!, ['same', 'same'])]);
    expect(answers.map((answer) => answer.answer)).toEqual(['rejected', 'rejected']);
    expect(await model.run(one!.run_id)).toMatchObject({
      state: 'failed',
      error: { message: 'Unknown task type: nobody' },
    });
  });

  it('lowers its count exactly when reports of one parent come in shuffled batches at once', async () => {
    const session = await model.session();
    for (let parent = 0; parent < 4; parent += 1) await model.submit('plan');
    const plans = await model.claimAll(session);
    const keys = Array.from({ length: 5 }, (_, i) => `k${i}`);
    await model.report(plans.map((plan) => ended.inChildren(plan, keys)));
    const children = await model.claimAll(session);
    expect(children).toHaveLength(20);
    const batches = [0, 1, 2, 3].map((offset) => children.filter((_, i) => i % 4 === offset));
    await Promise.all(batches.map((batch) => model.report(batch.reverse().map((run) => ended.well(run)))));
    const finishes = await drain(session);
    expect(finishes.map((run) => run.task)).toEqual(Array(4).fill('finish'));
    expect(await count(`runs where state <> 'succeeded'`)).toBe(0);
  });
});

describe('the reconciler', () => {
  const lapse = (id: string) =>
    model.database.query(`update sessions set seen_at = now() - interval '1 hour' where id = $1`, [id]);

  it('requeues what a lapsed session held, and its late report is refused', async () => {
    const gone = await model.session();
    const id = await model.submit('work');
    const [late] = await model.claimAll(gone);
    await lapse(gone.id);
    const session = await model.session();
    await model.reconcile();
    const [run] = await model.claimAll(session);
    expect(run).toMatchObject({ run_id: id, epoch: 2, attempt: 1 });
    expect((await model.report([ended.well(late!, 'late')]))[0]!.answer).toBe('superseded');
    expect((await model.report([ended.well(run!, 'kept')]))[0]!.answer).toBe('accepted');
    expect((await model.run(id))['output']).toEqual({ inline: 'kept' });
    expect(await count('dispatches')).toBe(0);
  });

  it('fails a run that was started five times and never ended', async () => {
    const id = await model.submit('work');
    for (let start = 1; start <= 5; start += 1) {
      const session = await model.session();
      expect(await model.claimAll(session)).toHaveLength(1);
      await lapse(session.id);
      await model.reconcile();
    }
    expect(await model.run(id)).toMatchObject({
      state: 'failed',
      starts: 5,
      attempts: 1,
      error: { code: 'poison' },
    });
  });

  it('does not count hand-backs towards that limit', async () => {
    const session = await model.session();
    const id = await model.submit('work');
    for (let deploy = 1; deploy <= 7; deploy += 1) {
      const [run] = await model.claimAll(session);
      await model.report([ended.back(run!)]);
    }
    await model.claimAll(session);
    await lapse(session.id);
    await model.reconcile();
    expect(await model.run(id)).toMatchObject({ state: 'queued', starts: 1, epoch: 8 });
  });

  it('publishes again what the broker lost, and only that', async () => {
    const session = await model.session();
    await model.submit('work');
    await model.submit('work');
    const messages = await model.delivered();
    await model.claim(session, messages.slice(0, 1));
    await model.database.query(`update dispatches set due = now() - interval '1 s'`);
    await model.reconcile();
    const again = await model.delivered();
    expect(again.map((message) => message.dispatch_id)).toEqual([messages[1]!.dispatch_id]);
  });

  it('leaves a message alone that the broker still holds', async () => {
    await model.session();
    await model.submit('work');
    model.dispatcher.pumpAll();
    await model.dispatcher.idle();
    await model.database.query(`update dispatches set due = now() - interval '1 s'`);
    await model.reconcile();
    await model.dispatcher.idle();
    expect(model.broker.messages).toHaveLength(1);
  });

  it('gives what was published for a pool that died to another pool with that task', async () => {
    const old = await model.session();
    await model.submit('work');
    await model.delivered();
    await model.sessions.end(old);
    const session = await model.session('general', ['work', 'plan', 'finish', 'new-task']);
    await model.database.query(`update dispatches set due = now() - interval '1 s'`);
    await model.reconcile();
    expect(await model.claimAll(session)).toHaveLength(1);
  });
});

describe('the dispatcher', () => {
  it('keeps at most two dispatches per slot out, and never publishes a task that nobody registered', async () => {
    await model.session();
    for (let i = 0; i < 50; i += 1) await model.submit('work');
    await model.submit('nobody');
    expect(await model.delivered()).toHaveLength(20);
    expect(await count('dispatches where pool is not null')).toBe(20);
    expect(await model.delivered()).toHaveLength(0);
  });

  it('lets two organisations take turns', async () => {
    const session = await model.session();
    const small = crypto.randomUUID();
    await model.database.query(`insert into organisations (id, name) values ($1, 'small')`, [small]);
    for (let i = 0; i < 60; i += 1) await model.submit('work');
    await model.claimAll(session);
    for (let i = 0; i < 3; i += 1) {
      const id = await model.submit('work');
      await model.database.query('update dispatches set organisation_id = $1 where $2 = any(run_ids)', [
        small,
        id,
      ]);
    }
    const running = await model.database.query<{ id: string; epoch: number }>(
      `select id, epoch from runs where state = 'running'`,
    );
    await model.endAttempts(
      running.slice(0, 6).map((run) => ({
        runId: run.id,
        epoch: run.epoch,
        executionId: run.id,
        to: 'succeeded',
        output: null,
        error: null,
        delayMs: 0,
      })),
    );
    await model.delivered();
    expect(await count(`dispatches where organisation_id = '${small}' and pool is not null`)).toBe(3);
  });
});

describe('the plans of the hot statements', () => {
  it('reach runs through their primary key or the parent index only', async () => {
    const session = await model.session();
    await model.submit('plan');
    const [plan] = await model.claimAll(session);
    await model.report([ended.inChildren(plan!, ['a', 'b'], 1)]);
    await drain(session);
    const [updates] = await model.database.query<{ updated: string; hot: string }>(
      `select sum(n_tup_upd) as updated, sum(n_tup_hot_upd) as hot from pg_stat_user_tables where relname like 'runs%'`,
    );
    expect(Number(updates!.hot)).toBe(Number(updates!.updated));
  });
});
