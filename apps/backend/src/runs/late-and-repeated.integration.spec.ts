import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ClaimedRun, DispatchMessage, Report } from '@longshore/contracts';
import { ended, type TestModel } from '../testing/model.ts';
import { inBatches, shuffled, twoBackends } from '../testing/two-backends.ts';

const { current, count, digest, lapse, claimAllOf, fannedOut } = twoBackends();
let model: TestModel;
/** A second backend on the same database. */
let other: TestModel;
beforeEach(() => {
  ({ model, other } = current());
});

describe('failure mode 2: a final state does not fall back', () => {
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
  });
});

describe('failure mode 3: a message that comes again after the end', () => {
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

describe('failure modes 5 and 6: two workers on one run', () => {
  it('the older epoch writes nothing, whichever report comes first, 200 times', async () => {
    const slow = await model.session();
    const { runs: stale } = await fannedOut(slow, 200);
    await lapse(slow);
    const fast = await other.session();
    await model.reconcile();
    const current = await claimAllOf(fast);
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
