import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ClaimedRun, JsonValue } from '@longshore/contracts';
import { ended, type TestModel } from '../testing/model.ts';
import { twoBackends } from '../testing/two-backends.ts';

const { current, count, drain, fannedOut } = twoBackends();
let model: TestModel;
/** A second backend on the same database. */
let other: TestModel;
beforeEach(() => {
  ({ model, other } = current());
});

describe('failure mode 12: organisations', () => {
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

describe('failure mode 14: a bad payload', () => {
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
  });

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
