import { describe, expect, it } from '@jest/globals';
import type { ClaimedRun } from '@longshore/contracts';
import { silentLogger, systemClock } from '@longshore/runtime';
import { z } from 'zod';
import { defineTask } from '../definition/define-task.ts';
import { createTaskSet } from '../definition/task-set.ts';
import { createActiveRuns } from './active-runs.ts';
import type { ContextMeans } from './run-context.ts';
import type { Session } from './session-link.ts';

const SESSION = {} as Session;

function setup() {
  const logger = silentLogger();
  let now = 1_000;
  const told: (number | undefined)[] = [];
  const input = z.unknown();
  const tasks = [
    defineTask({ name: 'short', description: '', input, handler: () => null }),
    defineTask({ name: 'asks', description: '', input, handler: (_input, { signal }) => signal.aborted }),
  ];
  const active = createActiveRuns({
    tasks: createTaskSet({ tasks, groups: [], logger }),
    isolated: () => {
      throw new Error('nothing is isolated here');
    },
    means: { logger } as ContextMeans,
    clock: { ...systemClock, monotonic: () => now },
    onChange: () => told.push(active.hardDeadline),
  });
  const execute = (task: string, hard_limit_ms: number) =>
    active.execute(
      { run_id: 'r', task, input: null, attempt: 1, soft_limit_ms: 1, hard_limit_ms } as ClaimedRun,
      null,
      SESSION,
    );
  return { active, told, execute, passes: (ms: number) => (now += ms) };
}

const endOfTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the runs at work in a process', () => {
  it('tell of many short ones in one turn once when they begin and once when they ended', async () => {
    const { told, execute } = setup();
    for (let i = 0; i < 50; i += 1) await execute('short', 60_000);
    expect(told).toEqual([61_000]);
    await endOfTurn();
    expect(told).toEqual([61_000, undefined]);
  });

  it('tell of each deadline that is not yet told, before its handler has begun', async () => {
    const { active, told, execute } = setup();
    await execute('short', 60_000);
    const later = execute('short', 90_000);
    expect(active.hardDeadline).toBe(91_000);
    const sooner = execute('short', 30_000);
    expect(active.hardDeadline).toBe(31_000);
    await Promise.all([later, sooner]);
    expect(told).toEqual([61_000, 91_000, 31_000]);
  });

  it('do not hold a run to the deadline of one that ended long ago in the same turn', async () => {
    const { active, execute, passes } = setup();
    await execute('short', 1_000);
    passes(500);
    const next = execute('short', 1_000);
    expect(active.hardDeadline).toBe(2_500);
    await next;
  });

  it('have a signal when they ask for it', async () => {
    const { execute } = setup();
    const { outcome } = (await execute('asks', 60_000)) as { outcome?: unknown };
    expect(outcome).toMatchObject({ kind: 'succeeded', output: { text: 'false' } });
  });
});
