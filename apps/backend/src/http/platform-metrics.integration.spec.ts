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
});
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

  it('what webhooks have on their way, what was given up, and for how long the oldest event waits', async () => {
    const deliveries = (state: string) => measured('longshore_webhook_deliveries', { state });
    const lately = (outcome: string) => measured('longshore_webhook_ended_deliveries', { outcome });
    const oldest = () => measured('longshore_webhook_oldest_age_seconds', {});
    const { query } = backend.database;
    expect([await deliveries('dead'), await lately('delivered'), await oldest()]).toEqual([0, 0, 0]);
    await query(
      `insert into webhooks (id, organisation_id, name, description, url, events, form, window_ms, enabled, secret)
       select uuid_v7(), id, 'hook', '', '', '{}', 'standard', 60000, true, '' from organisations`,
    );
    // One on its way, two that arrived (one of them long ago), one given up; and a test, which counts for nothing.
    await query(
      `insert into webhook_deliveries (id, webhook_id, organisation_id, run_id, state, test, events, ended_at)
       select uuid_v7(), w.id, w.organisation_id, uuid_v7(), d.state, d.test, 1, now() - d.ago * interval '1 minute'
         from webhooks w, (values ('pending', false, null), ('delivered', false, 1), ('delivered', false, 30), ('dead', false, 2),
                                  ('dead', true, 1)) as d (state, test, ago)`,
    );
    await query(
      `insert into live_executions (id, organisation_id, kind)
       select run_id, organisation_id, 'webhook' from webhook_deliveries where state = 'pending'`,
    );
    expect([await deliveries('pending'), await deliveries('dead')]).toEqual([1, 1]);
    expect([await lately('delivered'), await lately('dead'), await oldest()]).toEqual([1, 1, 0]);
    await query(
      `insert into webhook_events (webhook_id, organisation_id, type, occurred_at, delivery_id)
       select webhook_id, organisation_id, 'task.finished', now() - interval '100 s', id from webhook_deliveries where state = 'pending'`,
    );
    expect(await oldest()).toBeGreaterThanOrEqual(100);
    await query(
      `insert into webhook_events (webhook_id, organisation_id, type, occurred_at)
       select id, organisation_id, 'task.finished', now() - interval '500 s' from webhooks where enabled`,
    );
    expect(await oldest()).toBeGreaterThanOrEqual(500);
    await query('delete from live_executions');
    await query('delete from webhook_events');
    await query('delete from webhooks');
    expect(await deliveries('dead')).toBe(0);
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
