import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { cleanUp, exists, runCommand, spawnCommand, temporaryHome } from '../running-command.fixture.ts';
import { faultKinds } from './fault.ts';
import { hasRedis } from './redis.ts';
import type { ChaosSummary } from './summary.ts';

afterEach(cleanUp);

/** The folder that the command says it works in. */
function folderIn(told: string): string {
  return / in (\/\S+)\.\n/.exec(told)![1]!;
}

/** Process ids of all that was started, as the log tells it. */
function startedProcesses(folder: string): number[] {
  const lines = readFileSync(join(folder, 'logs', 'longshore.log'), 'utf8')
    .trim()
    .split('\n');
  const entries = lines.map((line) => JSON.parse(line) as { message: string; pid?: number });
  return entries.flatMap(({ message, pid }) =>
    message === 'child started' && pid !== undefined ? [pid] : [],
  );
}

describe('longshore chaos', () => {
  it('loses nothing and does nothing twice in half a minute of every kind of fault, and leaves nothing', async () => {
    const args = ['chaos', '--duration', '28', '--seed', '4711', '--json'];
    const { code, out, err } = await runCommand(args, { home: temporaryHome() });
    expect({ code, out, err }).toMatchObject({ code: 0, err: expect.stringContaining('Seed 4711') });
    const summary = JSON.parse(out) as ChaosSummary;
    expect(summary).toMatchObject({ seed: 4711, losses: 0, duplicates: 0, violations: [], home: null });
    const broken = faultKinds.filter((kind) => summary.faults[kind] > 0);
    const possible = faultKinds.filter((kind) => kind !== 'redis' || summary.broker === 'redis');
    expect(broken).toEqual(possible);
    expect(summary.broker).toBe((await hasRedis()) ? 'redis' : 'postgres');
    expect(summary.executions.accepted).toBeGreaterThan(10);
    expect(summary.executions.ended).toBe(summary.executions.accepted);
    expect(summary.executions.across_a_fault).toBeGreaterThan(0);
    expect(summary.files.results).toBe(summary.files.sent);
    expect(summary.files.rows).toBeGreaterThan(0);
    expect(summary.webhooks).toMatchObject({ lost: 0, twice: 0 });
    expect(summary.webhooks.events).toBe(summary.executions.ended + summary.tasks.ended);
    expect(summary.webhooks.repeated).toBeGreaterThan(0);
    expect(existsSync(folderIn(err))).toBe(false);
  }, 480_000);

  it('ends all that it started when it is interrupted, what is frozen too', async () => {
    const args = ['chaos', '--duration', '10m', '--seed', '3', '--faults', 'freeze'];
    const { child, told, ended } = spawnCommand(args, { home: temporaryHome() });
    while (!told.err.includes(' s  freeze'))
      await new Promise((resolve) => child.stderr.once('data', resolve));
    const folder = folderIn(told.err);
    const pids = startedProcesses(folder);
    expect(pids.length).toBeGreaterThanOrEqual(10);
    child.kill('SIGINT');
    expect(await ended).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('stopped by SIGINT'),
    });
    expect(pids.filter(exists)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
  }, 240_000);

  it('refuses what it does not understand before it starts anything', async () => {
    const home = temporaryHome();
    const refused = await Promise.all([
      runCommand(['chaos', '--faults', 'kill,flood'], { home }),
      runCommand(['chaos', '--duration', 'long'], { home }),
      runCommand(['chaos', '--seed', '-1'], { home }),
      runCommand(['chaos', '--broker', 'postgres', '--faults', 'redis'], { home }),
    ]);
    expect(refused.map(({ code }) => code)).toEqual([2, 2, 2, 2]);
    expect(refused.map(({ err }) => err).join('\n')).toMatch(
      /Allowed: kill, freeze[^]*a duration from 1s[^]*whole number from 0[^]*no Redis to break/,
    );
  });
});
