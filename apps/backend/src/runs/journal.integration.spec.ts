import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ClaimedRun } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { brokenInvariants } from '../testing/invariants.ts';
import { startModel, type TestModel } from '../testing/model.ts';
import { truth } from '../testing/templates.ts';
import { MAX_LOG_BYTES, MAX_LOG_LINES } from './log-statement.ts';

let postgres: TestPostgres;
let model: TestModel;
let databases = 0;

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  databases += 1;
  model = await startModel(await postgres.createDatabase(`journal${databases}`, truth));
});
afterEach(async () => {
  try {
    expect(await brokenInvariants(model.database)).toEqual([]);
  } finally {
    await model.stop();
  }
});

/** Says lines in batches as a worker does. */
async function say(run: ClaimedRun, messages: readonly string[]): Promise<void> {
  for (let start = 0; start < messages.length; start += 500) {
    await model.journal.log(
      messages.slice(start, start + 500).map((message) => ({
        token: run.token,
        level: 'info' as const,
        message,
        fields: null,
      })),
    );
  }
}

async function linesOf(run: ClaimedRun): Promise<string[]> {
  const rows = await model.database.query<{ message: string }>(
    'select message from run_logs where run_id = $1 order by id',
    [run.run_id],
  );
  return rows.map(({ message }) => message);
}

async function runningRuns(count: number): Promise<ClaimedRun[]> {
  const session = await model.session();
  for (let n = 0; n < count; n += 1) await model.submit('work');
  return await model.claimAll(session);
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `line ${index}`);

describe('the log of a run', () => {
  it('keeps so many lines, then says once that there were more', async () => {
    const [run, other] = await runningRuns(2);
    await say(run!, numbered(MAX_LOG_LINES - 100));
    await say(run!, numbered(700));
    await say(run!, numbered(700));
    const lines = await linesOf(run!);
    expect([lines.length, lines.at(-2), lines.at(-1)]).toEqual([MAX_LOG_LINES + 1, 'line 99', 'truncated']);
    await say(other!, ['still heard']);
    expect(await linesOf(other!)).toEqual(['still heard']);
  });

  it('keeps so many bytes, whatever the lines are', async () => {
    const [run] = await runningRuns(1);
    const long = 'x'.repeat(10_000);
    await say(
      run!,
      Array.from({ length: 300 }, () => long),
    );
    await say(run!, ['short']);
    const lines = await linesOf(run!);
    expect(lines).toHaveLength(Math.floor(MAX_LOG_BYTES / long.length) + 1);
    expect(lines.at(-1)).toBe('truncated');
  });

  it('that is exactly full is not cut short', async () => {
    const [run] = await runningRuns(1);
    await say(run!, numbered(MAX_LOG_LINES));
    expect((await linesOf(run!)).at(-1)).toBe(`line ${MAX_LOG_LINES - 1}`);
    await say(run!, ['one more']);
    await say(run!, ['and another']);
    expect((await linesOf(run!)).slice(MAX_LOG_LINES)).toEqual(['truncated']);
  });

  it('is written in the order in which things were said, for several runs of one batch', async () => {
    const runs = await runningRuns(3);
    const items = numbered(30).map((message, index) => ({
      token: runs[index % 3]!.token,
      level: 'info' as const,
      message,
      fields: { index },
    }));
    await model.journal.log(items);
    for (const [place, run] of runs.entries()) {
      expect(await linesOf(run)).toEqual(numbered(30).filter((_line, index) => index % 3 === place));
    }
  });

  it('of a run that was deleted is not begun again', async () => {
    const [run] = await runningRuns(1);
    await model.database.query('delete from dispatches');
    await model.database.query('delete from live_executions');
    await model.database.query('delete from runs');
    await say(run!, ['too late']);
    expect(await linesOf(run!)).toEqual([]);
  });
});
