import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { eventually, post, textFile } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let deployment: TestDeployment;

beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);
afterAll(() => postgres?.stop());
beforeEach(async () => {
  backend = await startBackend(postgres);
  deployment = await backend.deploy(await backend.organisation(), 'invoices');
});
afterEach(async () => {
  expect(await brokenInvariants(backend.database)).toEqual([]);
  await backend.stop();
});

const PLAN = 'api_deployments';

/** The value of the line with this name and these labels, whatever others it has; undefined when there is none. */
async function measured(name: string, labels: Record<string, string>): Promise<number | undefined> {
  const headers = { authorization: `Bearer ${backend.adminKey}` };
  const text = await (await fetch(`${backend.url}/metrics`, { headers })).text();
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const line = text
    .split('\n')
    .find((each) => each.startsWith(`${name}{`) && wanted.every((label) => each.includes(label)));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

describe('the backend measures', () => {
  it('what waits, for how long, and that nobody serves it; then who does, and how long it had waited', async () => {
    const executed = post(deployment, [textFile('a.txt')], { timeout: '60' });
    await eventually(
      async () => (await measured('longshore_queue_runs', { queue: PLAN, state: 'due' })) === 1,
    );
    const waitedFor = async () =>
      (await measured('longshore_queue_oldest_age_seconds', { queue: PLAN })) ?? 0;
    await eventually(async () => (await waitedFor()) > 1);
    expect(await measured('longshore_queue_served', { queue: PLAN })).toBe(0);
    expect(await measured('longshore_run_wait_seconds_count', { queue: PLAN })).toBeUndefined();

    await backend.worker({ concurrency: 7 });
    expect((await executed).body.message.execution_status).toBe('COMPLETED');
    expect(await measured('longshore_queue_served', { queue: PLAN })).toBe(1);
    expect(await measured('longshore_worker_processes', { worker: 'general', state: 'active' })).toBe(1);
    expect(await measured('longshore_worker_slots', { worker: 'general' })).toBe(7);
    expect(await measured('longshore_run_wait_seconds_count', { queue: PLAN })).toBe(1);
    expect(await measured('longshore_run_wait_seconds_sum', { queue: PLAN })).toBeGreaterThan(1);
    // What followed had hardly to wait.
    expect(await measured('longshore_run_wait_seconds_count', { queue: 'api_file_processing' })).toBe(1);
    await eventually(
      async () => (await measured('longshore_queue_oldest_age_seconds', { queue: PLAN })) === 0,
    );
  });

  it('which processes were given up, which stand still, and of which worker none is left', async () => {
    await backend.worker();
    await backend.database.query(`update sessions set loop_age_ms = 21500, active = 2`);
    expect(await measured('longshore_worker_loop_age_seconds', { worker: 'general' })).toBe(21.5);
    expect(await measured('longshore_worker_busy_slots', { worker: 'general' })).toBe(2);
    await backend.database.query(`update sessions set state = 'lapsed', ended_at = now()`);
    expect(await measured('longshore_worker_lapsed_sessions', { worker: 'general' })).toBe(1);
    expect(await measured('longshore_worker_processes', { worker: 'general', state: 'active' })).toBe(0);
    expect(await measured('longshore_worker_loop_age_seconds', { worker: 'general' })).toBe(0);
    await backend.database.query(`update sessions set ended_at = now() - interval '25 hours'`);
    expect(
      await measured('longshore_worker_processes', { worker: 'general', state: 'active' }),
    ).toBeUndefined();
  });

  it('the wait of what was put off from the moment it was put off to', async () => {
    const [put] = await backend.database.query<{ id: string }>(
      `insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due, created_at)
       select uuid_v7(), id, 'work', 'later', 0, array[uuid_v7()], 1, false, now() - interval '2 s', now() - interval '1 hour'
         from organisations limit 1 returning id`,
    );
    await eventually(
      async () => ((await measured('longshore_queue_oldest_age_seconds', { queue: 'later' })) ?? 0) > 0,
    );
    expect(await measured('longshore_queue_oldest_age_seconds', { queue: 'later' })).toBeLessThan(1800);
    await backend.database.query('delete from dispatches where id = $1', [put!.id]);
  });
});
