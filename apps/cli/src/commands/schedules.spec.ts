import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Firing, ScheduleDetail } from '@longshore/contracts';
import type { Terminal } from '../output/terminal.ts';
import { createProgram } from '../program.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const ID = '019a0000-0000-7000-8000-000000000001';
const TASK = '019a0000-0000-7000-8000-000000000002';
const AT = '2026-05-01T02:30:00.000Z';

const schedule: ScheduleDetail = {
  ...{
    schedule_id: ID,
    organisation: 'default',
    name: 'nightly',
    cron: '30 2 * * *',
    time_zone: 'Europe/Berlin',
  },
  ...{
    task: 'count',
    paused: false,
    state: 'active',
    next_at: AT,
    last_fired_at: null,
    fired: 3,
    waiting: 0,
  },
  ...{ created_at: AT, changed_at: AT, next: [AT] },
};
const firing: Firing = {
  ...{ fire_at: AT, last_at: null, count: 1, outcome: 'fired', reason: null, by_hand: false, decided_at: AT },
  ...{ delay_ms: 4.2, task_id: TASK, execution_id: null },
};
const skipped: Firing = {
  ...firing,
  ...{ outcome: 'skipped', reason: 'Nobody was there', last_at: AT, count: 7, delay_ms: null, task_id: null },
};

/** A platform with one schedule, `nightly`. */
async function setup() {
  const asked: string[] = [];
  const answers: [RegExp, object][] = [
    [/^GET .*\/firings/, { firings: [firing, skipped], next_cursor: null }],
    [/^GET \/schedules\?.*name=none/, { schedules: [], next_cursor: null }],
    [/^GET \/schedules(\?|$)/, { schedules: [schedule], next_cursor: null }],
    [/^POST .*\/run/, firing],
    [/^DELETE/, { status: 'ok' }],
    [/./, schedule],
  ];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const line = `${request.method} ${request.url}`;
      asked.push(`${line} ${body}`.trim());
      if (body.includes('"refused"')) {
        const errors = [
          { code: 'invalid', detail: 'leave it out', attr: 'time_zone' },
          { code: 'invalid', detail: 'must be a number', attr: 'rows' },
        ];
        response.writeHead(400, { 'content-type': 'application/json' });
        return void response.end(JSON.stringify({ type: 'validation_error', errors }));
      }
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answers.find(([pattern]) => pattern.test(line))![1]));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const out: string[] = [];
  const terminal = { out: (line: string) => out.push(line), err: () => undefined, status: () => undefined };
  const run = ([name, ...args]: string[]) =>
    createProgram(terminal as unknown as Terminal).parseAsync(
      ['schedules', name!, '--url', url, '--api-key', 'lsk_org_0123456789abcdef', ...args],
      { from: 'user' },
    );
  return { run, out, asked };
}

describe('longshore schedules', () => {
  it('lists them with the next time of each', async () => {
    const { run, out, asked } = await setup();
    await run(['list', '--state', 'active']);
    expect(asked).toEqual(['GET /schedules?state=active&limit=100']);
    expect(out[2]).toMatch(
      /^nightly +default +30 2 \* \* \* \(Europe\/Berlin\) +task count +active +2026-05-01 02:30:00Z +- +3/,
    );
  });

  it('creates one from flags', async () => {
    const { run, asked } = await setup();
    const rules = [
      '--catch-up',
      'latest',
      '--overlap',
      'queue',
      '--jitter',
      '30s',
      '--priority',
      '-5',
      '--paused',
    ];
    await run(['create', 'beat', '--every', '15m', '--task', 'count', '--parameters', '{"a":1}', ...rules]);
    const [method, body] = [asked[0]!.slice(0, 15), JSON.parse(asked[0]!.slice(15)) as unknown];
    expect(method).toBe('POST /schedules');
    expect(body).toEqual({
      ...{
        name: 'beat',
        every: '15m',
        task: 'count',
        parameters: { a: 1 },
        catch_up: 'latest',
        overlap: 'queue',
      },
      ...{ jitter: '30s', priority: -5, paused: true },
    });
  });

  it('changes what is named of one, and replaces one kind of time by another', async () => {
    const { run, asked } = await setup();
    await run(['update', 'nightly', '--every', '90', '--parameters', '{"a":2}', '--clear', 'jitter,ends-at']);
    const patch = asked.at(-1)!;
    expect(patch.startsWith(`PATCH /schedules/${ID} `)).toBe(true);
    expect(JSON.parse(patch.slice(patch.indexOf('{')))).toEqual({
      ...{ every: '90s', cron: null, time_zone: null, parameters: { a: 2 }, jitter: null, ends_at: null },
    });
    await expect(run(['update', 'nightly'])).rejects.toThrow('Nothing to change was named');
    await expect(run(['update', 'nightly', '--clear', 'name'])).rejects.toThrow('no name to take away');
  });

  it.each([
    [[], /say when it fires, with --cron .* or --every 15m; say what it begins, with --task/],
    [['--cron', '@daily', '--every', '1d', '--task', 'a'], /give one of --cron and --every/],
    [['--every', '1d', '--task', 'a', '--pipeline', 'b'], /give one of --task and --pipeline/],
    [['--every', 'soon', '--task', 'a'], /"soon" is no duration/],
  ])('creates none from %j, and says what is missing', async (flags, reason) => {
    const { run, asked } = await setup();
    await expect(run(['create', 'beat', ...flags])).rejects.toThrow(reason);
    expect(asked).toEqual([]);
  });

  it('says what the platform refuses in the words of the command line', async () => {
    const { run } = await setup();
    const told = run(['create', 'refused', '--every', '1h', '--task', 'count', '--time-zone', 'UTC']);
    await expect(told).rejects.toThrow(
      'refused: --time-zone: leave it out; --parameters, rows: must be a number.',
    );
  });

  it('shows one with its rules, next times and history', async () => {
    const { run, out, asked } = await setup();
    await run(['show', 'nightly', '--preview', '1']);
    expect(asked).toContain(`GET /schedules/${ID}?preview=1`);
    const said = out.join('\n');
    expect(said).toMatch(/missed times: skip; overlap: skip; fired 3 times/);
    expect(said).toMatch(/next:\n {2}2026-05-01 02:30:00Z/);
    expect(said).toMatch(new RegExp(`fired +4 ms +${TASK}`));
    expect(said).toMatch(/skipped +7 until 2026-05-01 02:30:00Z +Nobody was there/);
  });

  it('pauses, resumes, runs and deletes it by its name', async () => {
    const { run, out, asked } = await setup();
    for (const act of ['pause', 'resume', 'run', 'delete']) await run([act, 'nightly']);
    expect(asked.filter((line) => !line.startsWith('GET'))).toEqual([
      ...['pause', 'resume', 'run'].map((act) => `POST /schedules/${ID}/${act}`),
      `DELETE /schedules/${ID}`,
    ]);
    expect(out).toEqual(['nightly is active', `nightly is active, next at ${AT}`, TASK, 'Deleted.']);
  });

  it('says what to do about one that is not there', async () => {
    const { run } = await setup();
    await expect(run(['pause', 'none'])).rejects.toThrow(
      'There is no schedule "none": "longshore schedules" lists them.',
    );
  });
});
