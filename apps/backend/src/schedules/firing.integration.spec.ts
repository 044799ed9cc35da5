import { describe, expect, it } from '@jest/globals';
import { waitUntil, silentLogger, uuidV7 } from '@longshore/runtime';
import { ended, type TestModel } from '../testing/model.ts';
import { twoBackends } from '../testing/two-backends.ts';
import { fireDue, fireWaiting } from './fire.ts';
import { firingParts, historyOf, putSchedule, startTestFiring } from './schedules.fixture.ts';

const backends = twoBackends();
const any = { ids: null, most: 500 };

/** A model whose task is registered, with a session that can take it. */
async function setup() {
  const { model, other } = backends.current();
  const session = await model.session();
  return { model, other, session, parts: firingParts(model), count: backends.count };
}

const until = (probe: () => Promise<boolean>) =>
  waitUntil('a test', probe, { everyMs: 10, logger: silentLogger(), signal: AbortSignal.timeout(60_000) });

/** Waits until half a minute is left in which nothing that runs each minute becomes due. */
const earlyInAMinute = (model: TestModel) =>
  until(async () => {
    const [now] = await model.database.query<{ second: number }>(
      'select extract(second from clock_timestamp())::float8 as second',
    );
    return now!.second < 30;
  });

async function firedOf(model: TestModel, id: string) {
  return (await historyOf(model, id)).filter(({ outcome }) => outcome === 'fired');
}

describe('a schedule that is due', () => {
  it('makes its run, which is executed as any other', async () => {
    const { model, session, parts } = await setup();
    const id = await putSchedule(model, { parameters: { a: 1 }, priority: 9 }, { dueAgo: '0' });
    expect(await fireDue(parts, any)).toEqual({ schedules: 1, runs: 1, refused: 0 });
    const [line] = await historyOf(model, id);
    const run = await model.run(line!.run_id!);
    expect(run).toMatchObject({
      task: 'work',
      input: { a: 1 },
      queue: 'high_priority',
      organisation_id: model.organisationId,
    });
    expect(await backends.count(`submitted_tasks where id = '${line!.run_id}' and priority = 9`)).toBe(1);
    await model.database.query(`update runs set queue = 'default' where id = $1`, [run['id']]);
    await model.database.query(`update dispatches set queue = 'default'`);
    const runs = await model.claimAll(session);
    expect(runs).toHaveLength(1);
    await model.report(runs.map((each) => ended.well(each)));
  });

  it('is fired once for each of its times, whatever two backends do', async () => {
    const { model, other } = await setup();
    // Those that are put before a full minute and fired after it would be due for two.
    await earlyInAMinute(model);
    for (let index = 0; index < 500; index += 1) await putSchedule(model, {}, { dueAgo: '0' });
    const firing = [startTestFiring(model), startTestFiring(other)];
    await until(async () => (await backends.count('schedule_firings')) >= 500);
    await Promise.all(firing.map((each) => each.stop()));
    const [row] = await model.database.query<Record<string, number>>(
      `select count(*)::int as lines, count(distinct schedule_id)::int as schedules, count(distinct run_id)::int as runs,
              (select count(*)::int from submitted_tasks) as tasks, (select sum(fired)::int from schedules) as fired
         from schedule_firings`,
    );
    expect(row).toEqual({ lines: 500, schedules: 500, runs: 500, tasks: 500, fired: 500 });
  });

  it('is not fired by a transaction that does not end, and then is, once', async () => {
    const { model, other, parts } = await setup();
    const id = await putSchedule(model, {}, { dueAgo: '0' });
    const makeRuns: typeof parts.makeRuns = async (client, wanted) => {
      await parts.makeRuns(client, wanted);
      // All is written, and the process is gone before the commit.
      await client.query('select pg_terminate_backend(pg_backend_pid())');
      throw new Error('never reached');
    };
    await expect(fireDue({ ...parts, makeRuns }, any)).rejects.toThrow();
    expect(await backends.count('schedule_firings')).toBe(0);
    expect(await backends.count('runs')).toBe(0);
    expect((await fireDue(firingParts(other), any)).runs).toBe(1);
    expect((await fireDue(parts, any)).runs).toBe(0);
    expect(await firedOf(model, id)).toHaveLength(1);
  });

  it('whose time happened already does not happen again, and is moved on', async () => {
    const { model, parts } = await setup();
    const id = await putSchedule(model, { overlap: 'allow' }, { dueAgo: '0' });
    await fireDue(parts, any);
    const at = (await historyOf(model, id))[0]!.fire_at;
    // As a database does whose clock was set back.
    await model.database.query('update schedules set next_at = $2, due_at = $2 where id = $1', [id, at]);
    expect(await fireDue(parts, any)).toEqual({ schedules: 1, runs: 0, refused: 0 });
    expect(await backends.count('runs')).toBe(1);
    expect(await backends.count('schedules where due_at > now()')).toBe(1);
  });

  it('and cannot be fired costs the others of its batch nothing', async () => {
    const { model, parts } = await setup();
    const good = await putSchedule(model, {}, { dueAgo: '0' });
    const unknown = await putSchedule(model, { task: 'never-registered' }, { dueAgo: '0' });
    const broken = await putSchedule(model, { cron: '* * * * *', time_zone: 'UTC' }, { dueAgo: '0' });
    await model.database.query(
      `update schedules set form = '{"cron": "* * * * *", "time_zone": "Gone/Away", "task": "work"}' where id = $1`,
      [broken],
    );
    expect((await fireDue(parts, any)).runs).toBe(1);
    expect((await historyOf(model, good))[0]).toMatchObject({ outcome: 'fired' });
    expect((await historyOf(model, unknown))[0]).toMatchObject({
      outcome: 'failed',
      reason: expect.stringMatching(/No worker ever/),
    });
    expect((await historyOf(model, broken))[0]).toMatchObject({
      outcome: 'failed',
      reason: expect.stringMatching(/cannot be computed/),
    });
    expect(await backends.count('schedules where due_at <= now()')).toBe(0);
  });

  it('of an organisation that is deleted begins nothing', async () => {
    const { model, parts } = await setup();
    await putSchedule(model, {}, { dueAgo: '0' });
    await model.database.query(
      `insert into deletions (id, organisation_id, organisation) values ($1, $2, 'x')`,
      [uuidV7(), model.organisationId],
    );
    expect(await fireDue(parts, any)).toEqual({ schedules: 0, runs: 0, refused: 0 });
  });
});

describe('after a downtime of five minutes', () => {
  it.each([
    ['skip', 1, 'skipped'],
    ['latest', 1, 'fired'],
    ['all', 6, 'fired'],
  ] as const)('%s leaves so many firings', async (rule, fired, outcome) => {
    const { model, parts } = await setup();
    const id = await putSchedule(model, { every: '5m', catch_up: rule, overlap: 'allow' });
    // Its last times lie 27, 22, … 2 minutes back: none is in time.
    const anchor = `date_trunc('minute', now()) - interval '27 minutes'`;
    const [row] = await model.database.query<{ at: Date }>(`select ${anchor} as at`);
    await model.database.query(
      `update schedules set form = $2::json, next_at = ${anchor}, due_at = ${anchor} where id = $1`,
      [
        id,
        JSON.stringify({
          every: '5m',
          catch_up: rule,
          overlap: 'allow',
          task: 'work',
          starts_at: row!.at.toISOString(),
        }),
      ],
    );
    await fireDue(parts, any);
    const history = await historyOf(model, id);
    expect(history.filter((line) => line.outcome === outcome)).toHaveLength(fired);
    if (rule === 'skip') expect(history).toMatchObject([{ count: 6, reason: 'Nobody was there to fire it' }]);
    if (rule === 'latest')
      expect(history).toMatchObject([{ count: 5, outcome: 'skipped' }, { outcome: 'fired' }]);
    expect(await backends.count('runs')).toBe(rule === 'skip' ? 0 : fired);
    expect((await fireDue(parts, any)).schedules).toBe(0);
  });
});

describe('while what it fired has not ended', () => {
  async function overlapping(overlap: 'skip' | 'queue' | 'replace' | 'allow') {
    const parts = await setup();
    const id = await putSchedule(parts.model, { overlap, every: '1s' });
    /** As if this second were its time; early in it, or the next one would be due as well. */
    const again = async () => {
      await until(async () => Date.now() % 1_000 < 500);
      await parts.model.database.query(
        `update schedules set next_at = date_trunc('second', clock_timestamp()), due_at = date_trunc('second', clock_timestamp())
          where id = $1`,
        [id],
      );
      return await fireDue(parts.parts, any);
    };
    await again();
    const [first] = await firedOf(parts.model, id);
    return { ...parts, id, first: first!.run_id!, again };
  }

  it('skip skips, in one line, and fires once it has', async () => {
    const { model, session, id, again } = await overlapping('skip');
    await until(async () => (await again()).schedules >= 1 && (await historyOf(model, id)).at(-1)!.count > 1);
    const skipped = (await historyOf(model, id)).filter(
      ({ reason }) => reason === 'An earlier one had not ended',
    );
    expect(skipped).toHaveLength(1);
    expect(await backends.count('runs')).toBe(1);
    await model.report((await model.claimAll(session)).map((run) => ended.well(run)));
    await until(async () => (await again()).runs === 1);
  });

  it('queue waits for its end, and then begins one after the other', async () => {
    const { model, session, parts, again } = await overlapping('queue');
    await until(async () => {
      await again();
      return (await backends.count(`schedule_firings where outcome = 'waiting'`)) === 2;
    });
    expect((await fireWaiting(parts, 10)).runs).toBe(0);
    for (let left = 2; left > 0; left -= 1) {
      await model.report((await model.claimAll(session)).map((run) => ended.well(run)));
      expect((await fireWaiting(parts, 10)).runs).toBe(1);
      expect((await fireWaiting(parts, 10)).runs).toBe(0);
      expect(await backends.count(`schedules where waiting = ${left - 1}`)).toBe(1);
    }
    expect(await backends.count('runs')).toBe(3);
  });

  it('allow makes another beside it', async () => {
    const { again } = await overlapping('allow');
    await until(async () => (await again()).runs === 1);
    expect(await backends.count('live_executions')).toBe(2);
  });

  it('replace cancels it first', async () => {
    const { model, first, id } = await overlapping('replace');
    const firing = startTestFiring(model);
    await until(async () => (await firedOf(model, id)).length >= 2);
    await firing.stop();
    expect(await model.run(first)).toMatchObject({ state: 'cancelled' });
    expect(await backends.count('live_executions')).toBe(1);
  });
});

describe('firing', () => {
  it('wakes up at the moment that is due, by the clock of the database, without asking in between', async () => {
    const { model } = await setup();
    const id = await putSchedule(model, { every: '2s' });
    const before = model.database.statements();
    const firing = startTestFiring(model);
    await until(async () => (await firedOf(model, id)).length >= 1);
    await firing.stop();
    const [row] = await model.database.query<{ late: number }>(
      `select (extract(epoch from decided_at - due_at) * 1000)::float8 as late from schedule_firings where outcome = 'fired' limit 1`,
    );
    expect(row!.late).toBeGreaterThanOrEqual(0);
    expect(row!.late).toBeLessThan(1_000);
    expect(model.database.statements().hot - before.hot).toBeLessThan(10);
  });

  it('takes few statements for many schedules', async () => {
    const { model, parts } = await setup();
    await model.database.query(
      `insert into schedules (id, organisation_id, name, form, task, overlap, paused, next_at, due_at)
       select uuid_v7(), $1, 'many' || n, '{"every": "1m", "task": "work"}', 'work', 'skip', false,
              date_trunc('minute', now()), date_trunc('minute', now()) from generate_series(1, 1000) n`,
      [model.organisationId],
    );
    const before = model.database.statements();
    const first = await fireDue(parts, any);
    const second = await fireDue(parts, any);
    expect([first.runs, second.runs]).toEqual([500, 500]);
    const after = model.database.statements();
    expect(after.other + after.hot - before.other - before.hot).toBeLessThanOrEqual(2 * 8);
    expect(await backends.count('runs')).toBe(1000);
  });
});
