import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { uuidV7 } from '@longshore/runtime';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { brokenInvariants } from '../testing/invariants.ts';
import { ended, startModel, type TestModel } from '../testing/model.ts';
import { truth } from '../testing/templates.ts';
import { deleteWebhook, forgetOldDeliveries } from './forget-webhooks.ts';
import { closeWindows } from './new-deliveries.ts';

let postgres: TestPostgres;
let databases = 0;
let model: TestModel;
let url: string;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  databases += 1;
  url = await postgres.createDatabase(`events${databases}`, truth);
  model = await startModel(url);
});
afterEach(async () => {
  expect(await brokenInvariants(model.database)).toEqual([]);
  await model.stop();
});

const ALL = ['execution.completed', 'execution.failed', 'execution.stopped', 'task.finished', 'task.failed'];
interface Given {
  readonly events?: readonly string[];
  readonly enabled?: boolean;
  readonly windowMs?: number;
}

async function endpoint({ events = ALL, enabled = true, windowMs = 60_000 }: Given = {}): Promise<string> {
  const id = uuidV7();
  await model.database.query(
    `insert into webhooks (id, organisation_id, name, description, url, events, form, window_ms, enabled, secret)
     values ($1, $2, uuid_v7()::text, '', '', $3, 'standard', $4, $5, '')`,
    [id, model.organisationId, events, windowMs, enabled],
  );
  return id;
}

const events = () =>
  model.database.query<{
    webhook_id: string;
    type: string;
    execution_id: string;
    delivery_id: string | null;
  }>('select webhook_id, type, execution_id, delivery_id from webhook_events order by webhook_events.id');
const windowsPass = () =>
  model.database.query(`update webhook_events set occurred_at = occurred_at - interval '2 hours'`);
const deliveries = () => model.database.query('select * from webhook_deliveries');

describe('an event', () => {
  it('failure mode 10: is there once, however often the callback that ends the execution is run and reported', async () => {
    await endpoint();
    const session = await model.session();
    const id = await model.submit('plan');
    const [plan] = await model.claimAll(session);
    await model.report([ended.inChildren(plan!, ['a'])]);
    const [child] = await model.claimAll(session);
    await model.report([ended.well(child!)]);
    // The callback is run, its worker falls silent, and it is run again; both report, more than once.
    const [first] = await model.claimAll(session);
    await model.endAttempts([
      {
        ...{ runId: first!.run_id, epoch: first!.epoch, executionId: id, to: 'lapsed' },
        ...{ output: null, error: null, delayMs: 0 },
      },
    ]);
    const [second] = await model.claimAll(session);
    expect(second!.run_id).toBe(first!.run_id);
    const reports = [first!, second!, first!, second!].map((run) => ended.well(run));
    await Promise.all(reports.map((report) => model.report([report])));
    expect(await events()).toMatchObject([{ execution_id: id, type: 'execution.completed' }]);
    // What ends later tells of itself alone.
    const later = await model.submit('work');
    await model.report((await model.claimAll(session)).map((run) => ended.badly(run)));
    expect(await events()).toMatchObject([
      { execution_id: id, type: 'execution.completed' },
      { execution_id: later, type: 'execution.failed' },
    ]);
  });

  it('failure mode 3: is written no more when messages and reports come again after the end', async () => {
    await endpoint();
    const session = await model.session();
    await model.submit('work');
    const messages = await model.delivered();
    const claimed = (await model.claim(session, messages)).answers.flatMap(({ runs }) => runs);
    await model.report(claimed.map((run) => ended.well(run)));
    await windowsPass();
    const means = { ...model, database: model.database };
    expect(await closeWindows(means)).toBe(1);
    for (let again = 0; again < 3; again += 1) {
      await model.claim(session, messages);
      await model.report(claimed.map((run) => ended.badly(run)));
      await windowsPass();
      expect(await closeWindows(means)).toBe(0);
    }
    expect([await events(), await deliveries()].map(({ length }) => length)).toEqual([1, 1]);
  });

  it('tells each endpoint what it asked for, whichever way the execution ended', async () => {
    const [all, failures, paused] = [
      await endpoint(),
      await endpoint({ events: ['execution.failed'] }),
      await endpoint({ enabled: false }),
    ];
    const session = await model.session();
    const ids = [await model.submit('work'), await model.submit('work'), await model.submit('work')];
    await model.cancel(ids[2]!);
    const runs = await model.claimAll(session);
    await model.report([ended.well(runs[0]!), ended.badly(runs[1]!)]);
    const told = async (id: string) =>
      (await events()).filter((event) => event.webhook_id === id).map(({ type }) => type);
    expect((await told(all)).sort()).toEqual([
      'execution.completed',
      'execution.failed',
      'execution.stopped',
    ]);
    expect(await told(failures)).toEqual(['execution.failed']);
    expect(await told(paused)).toEqual([]);
  });

  it('costs no statement, and where nobody wants to be told leaves no row', async () => {
    const session = await model.session();
    const costOf = async () => {
      for (let n = 0; n < 5; n += 1) await model.submit('work');
      const runs = await model.claimAll(session);
      await model.dispatcher.idle();
      const before = model.database.statements();
      await model.report(runs.map((run) => ended.well(run)));
      const after = model.database.statements();
      return { hot: after.hot - before.hot, other: after.other - before.other };
    };
    const without = await costOf();
    expect(without).toEqual({ hot: 1, other: 0 });
    expect(await events()).toEqual([]);
    await endpoint();
    expect(await costOf()).toEqual(without);
    expect(await events()).toHaveLength(5);
  });

  it('holds up no end when its endpoint is being deleted', async () => {
    const id = await endpoint();
    const session = await model.session();
    await model.submit('work');
    const runs = await model.claimAll(session);
    await model.database.transaction(async (client) => {
      await client.query('delete from webhooks where id = $1', [id]);
      await model.report(runs.map((run) => ended.well(run)));
    });
    expect((await model.run(runs[0]!.run_id))['state']).toBe('succeeded');
    await forgetOldDeliveries(model.database, 0);
    expect(await events()).toEqual([]);
  });
});

describe('the end of a window', () => {
  it('makes one delivery of what was gathered, whichever of several backends sees it', async () => {
    const [one, two] = [await endpoint(), await endpoint()];
    const other = await startModel(url);
    try {
      const session = await model.session();
      for (let n = 0; n < 6; n += 1) await model.submit('work');
      await model.report((await model.claimAll(session)).map((run) => ended.well(run)));
      const means = [model, other, model, other, model, other];
      expect((await Promise.all(means.map(closeWindows))).reduce((sum, each) => sum + each)).toBe(0);
      await windowsPass();
      for (let round = 0; round < 3; round += 1) await Promise.all(means.map(closeWindows));
    } finally {
      await other.stop();
    }
    expect(await deliveries()).toHaveLength(2);
    const told = await events();
    for (const id of [one, two]) {
      const its = told.filter(({ webhook_id }) => webhook_id === id);
      expect([its.length, new Set(its.map(({ delivery_id }) => delivery_id)).size]).toEqual([6, 1]);
    }
    const [row] = await model.database.query(
      `select count(*)::int as n from live_executions where kind = 'webhook' and organisation_id = $1`,
      [model.organisationId],
    );
    expect(row).toEqual({ n: 2 });
  });

  it('begins with the first event, and lets the endpoint that is paused wait', async () => {
    await endpoint({ windowMs: 7_200_000 });
    const paused = await endpoint();
    const session = await model.session();
    await model.submit('work');
    await model.report((await model.claimAll(session)).map((run) => ended.well(run)));
    await model.database.query('update webhooks set enabled = false where id = $1', [paused]);
    await model.database.query(`update webhook_events set occurred_at = now() - interval '119 minutes'`);
    expect(await closeWindows(model)).toBe(0);
    await model.database.query(`update webhook_events set occurred_at = now() - interval '120 minutes'`);
    expect(await closeWindows(model)).toBe(1);
    await model.database.query('update webhooks set enabled = true');
    expect(await closeWindows(model)).toBe(1);
  });
});

describe('what is forgotten', () => {
  it('is what ended long ago, with its events, and what a paused endpoint gathered long ago', async () => {
    const id = await endpoint();
    const session = await model.session();
    const endOne = async () => {
      await model.submit('work');
      await model.report((await model.claimAll(session)).map((run) => ended.well(run)));
    };
    await endOne();
    await windowsPass();
    await closeWindows(model);
    await endOne();
    await forgetOldDeliveries(model.database, 1);
    expect([(await events()).length, (await deliveries()).length]).toEqual([2, 1]);
    await model.database.query(`update webhook_events set occurred_at = now() - interval '2 days'`);
    await forgetOldDeliveries(model.database, 0);
    await forgetOldDeliveries(model.database, 1);
    expect([(await events()).length, (await deliveries()).length]).toEqual([1, 1]);
    await model.database.query(
      `update webhook_deliveries set state = 'dead', ended_at = now() - interval '2 days' where webhook_id = $1`,
      [id],
    );
    await forgetOldDeliveries(model.database, 1);
    expect([(await events()).length, (await deliveries()).length]).toEqual([0, 0]);
  });

  it('is whatever a delivery told, however that went, and of an endpoint that is gone all, bit by bit', async () => {
    const [one, two] = [await endpoint(), await endpoint()];
    await model.database.query(
      `insert into webhook_deliveries (id, webhook_id, organisation_id, run_id, test, events)
       select gen_random_uuid(), $1, $2, gen_random_uuid(), true, 1 from generate_series(1, 450)`,
      [one, model.organisationId],
    );
    await model.database.query(
      `insert into webhook_events (webhook_id, organisation_id, type, delivery_id, data)
       select webhook_id, organisation_id, 'webhook.test', id, '{}' from webhook_deliveries where webhook_id = $1`,
      [one],
    );
    await model.database.query(
      `delete from webhook_deliveries where run_id in (select run_id from webhook_deliveries where webhook_id = $1 limit 10)`,
      [one],
    );
    const counts = async () => [(await events()).length, (await deliveries()).length];
    expect(await counts()).toEqual([440, 440]);
    for (const id of [one, two]) await model.database.transaction((client) => deleteWebhook(client, id));
    expect(await counts()).toEqual([240, 240]);
    await forgetOldDeliveries(model.database, 0);
    expect(await counts()).toEqual([0, 0]);
  });
});
