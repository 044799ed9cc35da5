import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { silentLogger, uuidV7 } from '@longshore/runtime';
import {
  type DatabaseTemplate,
  type FaultProxy,
  type OwnPostgres,
  startFaultProxy,
  startOwnPostgres,
} from '@longshore/testing';
import { brokenInvariants } from '../testing/invariants.ts';
import { ended, startModel, type TestModel } from '../testing/model.ts';
import { truth } from '../testing/templates.ts';
import { createDatabase, isOutOfReach, type Database } from './database.ts';

const PATIENCE = { statementMs: 700, connectMs: 1_000 };
/** Statement and what is added to it, or a connection; and what a loaded machine takes on top. */
const BOUND_MS = 6_000;

let postgres: OwnPostgres;
let proxy: FaultProxy;
let databases = 0;
beforeAll(async () => {
  postgres = await startOwnPostgres();
});
afterAll(() => postgres.stop());

async function behindProxy(template?: DatabaseTemplate): Promise<string> {
  databases += 1;
  const url = await postgres.createDatabase(`reach${databases}`, template);
  proxy = await startFaultProxy(Number(new URL(url).port));
  return proxy.through(url);
}

/** What it rejects with, and that it does so in time. */
async function refused(work: Promise<unknown>): Promise<unknown> {
  const startedAt = performance.now();
  const error = await work.then(
    () => expect('an answer').toBe('none'),
    (reason: unknown) => reason,
  );
  expect(performance.now() - startedAt).toBeLessThan(BOUND_MS);
  return error;
}

describe('a database that does not answer', () => {
  let database: Database;
  beforeEach(async () => {
    database = createDatabase({
      ...{ url: await behindProxy(), logger: silentLogger() },
      ...{ connections: 2, patience: PATIENCE },
    });
  });
  afterEach(async () => {
    await database.close();
    await proxy.stop();
  });

  const one = { name: 'one', text: 'select 1 as n' };
  const ways: [string, () => Promise<unknown>][] = [
    ['statements', () => database.query('select 1 as n')],
    ['hot statements', () => database.hot(one, [])],
    ['transactions', () => database.transaction((client) => client.query('select 1'))],
  ];
  const faults: [string, (on: boolean) => void][] = [
    ['behind a line that went dead', (on) => proxy.hold(on ? 'everything' : 'nothing')],
    ['because it is frozen', (on) => (on ? postgres.freeze() : postgres.thaw())],
  ];
  for (const [fault, strike] of faults)
    it(`${fault}, is given up in time, by more callers than there are connections, and found again`, async () => {
      for (const [, ask] of ways) await ask();
      strike(true);
      try {
        const asking = ways.flatMap(([, ask]) => [ask(), ask(), ask(), ask()]);
        for (const error of await Promise.all(asking.map(refused))) expect(isOutOfReach(error)).toBe(true);
      } finally {
        strike(false);
      }
      for (const [, ask] of ways) await ask();
    });

  it('ends a statement that takes too long, and then it is certain that it did nothing', async () => {
    await database.query('create table t (n int)');
    const error = await refused(database.query('insert into t select 1 from pg_sleep(20)'));
    expect(error).toMatchObject({ code: '57014' });
    expect(isOutOfReach(error)).toBe(true);
    expect(await database.query('select * from t')).toEqual([]);
  });

  it('lets a migration take its time', async () => {
    const url = await postgres.createDatabase(`endless${databases}`);
    const patient = createDatabase({ url, logger: silentLogger(), connections: 1, patience: 'endless' });
    const [row] = await patient.query<{ limit: string }>(
      `select current_setting('statement_timeout') as limit`,
    );
    expect(row).toEqual({ limit: '0' });
    await patient.close();
  });
});

describe('a statement whose answer was lost', () => {
  let model: TestModel;
  beforeEach(async () => {
    model = await startModel(await behindProxy(truth), { patience: PATIENCE });
  });
  afterEach(async () => {
    try {
      expect(await brokenInvariants(model.database)).toEqual([]);
    } finally {
      await model.stop();
      await proxy.stop();
    }
  });

  /** Asks, but hears no answer; then asks again as whoever asked would do. */
  async function askedTwice<T>(ask: () => Promise<T>): Promise<T> {
    proxy.hold('answers');
    expect(isOutOfReach(await refused(ask()))).toBe(true);
    proxy.hold('nothing');
    return await ask();
  }

  it('is a claim: the same claim is granted what it was granted, and nothing was started twice', async () => {
    const session = await model.session();
    await model.submit('work');
    const [message] = await model.delivered();
    const claims = [{ ...message!, claim_id: uuidV7() }];
    const { answers } = await askedTwice(() => model.claims(session, claims));
    expect(answers).toMatchObject([{ answer: 'granted', runs: [{ epoch: 1 }] }]);
    const [run] = answers[0]!.runs;
    expect(await model.run(run!.run_id)).toMatchObject({ state: 'running', starts: 1 });
    await model.report([ended.well(run!)]);
  });

  it('is a report or a fan-out: it is accepted as the one that it was, and counts once', async () => {
    const session = await model.session();
    const id = await model.submit('plan');
    const [plan] = await model.claimAll(session);
    const fanOut = ended.inChildren(plan!, ['a', 'b']);
    expect(await askedTwice(() => model.report([fanOut]))).toMatchObject([{ answer: 'accepted' }]);
    const children = await claimedBy(2);
    const reports = children.map((run) => ended.well(run));
    const answers = await askedTwice(() => model.report(reports));
    expect(answers.map(({ answer }) => answer)).toEqual(['accepted', 'accepted']);
    const [finish] = await claimedBy(1);
    await askedTwice(() => model.report([ended.well(finish!)]));
    expect(await model.run(id)).toMatchObject({ state: 'succeeded', children_pending: 0, children_total: 2 });
    expect(await model.database.query('select distinct starts, attempts from runs')).toEqual([
      { starts: 1, attempts: 0 },
    ]);
    expect(await model.database.query('select * from dispatches')).toEqual([]);

    /** What was written as published by a statement whose answer was lost is found again when it is overdue. */
    async function claimedBy(count: number) {
      const runs = await model.claimAll(session);
      while (runs.length < count) {
        await model.database.query(
          `update dispatches set due = now() - interval '1 s' where session_id is null`,
        );
        await model.reconcile();
        runs.push(...(await model.claimAll(session)));
      }
      return runs;
    }
  });
});
