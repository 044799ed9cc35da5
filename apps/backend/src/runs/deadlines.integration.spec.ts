import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClaimedRun } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend } from '../testing/http-backend.ts';
import { answer, bearer, eventually, poll, post, textFile } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { ended } from '../testing/model.ts';
import { twoBackends } from '../testing/two-backends.ts';

describe('a deadline over HTTP', () => {
  let postgres: TestPostgres;
  let backend: HttpBackend;
  const held = { run: null as ClaimedRun | null, letGo: () => undefined as void };

  beforeAll(async () => {
    postgres = await startPostgres();
    backend = await startBackend(postgres);
    await backend.worker({
      async processFile(run) {
        const text = Buffer.from(run.file!.content_base64!, 'base64').toString();
        if (text === 'slow') {
          held.run = run;
          await new Promise<void>((resolve) => (held.letGo = resolve));
        }
        return { output: { output: { text } } };
      },
    });
  });
  afterEach(async () => {
    expect(await brokenInvariants(backend.database)).toEqual([]);
  });
  afterAll(async () => {
    await backend?.stop();
    await postgres?.stop();
  });

  async function limited(maxSeconds: number | undefined) {
    const to = await backend.deploy(await backend.organisation(), 'invoices');
    const settings = maxSeconds === undefined ? {} : { max_seconds: maxSeconds };
    const patched = await answer(
      fetch(`${backend.url}/api/v1/deployments/invoices`, {
        method: 'PATCH',
        headers: { ...bearer(to.organisation.key), 'Content-Type': 'application/json' },
        body: JSON.stringify({ settings }),
      }),
    );
    return { to, patched };
  }

  it('ends an execution as ERROR with the reason; what had ended stays, what comes later is refused', async () => {
    const { to } = await limited(600);
    const files = [textFile('a.txt', 'quick'), textFile('b.txt', 'slow')];
    const posted = post(to, files, { timeout: '60' });
    const ended = `select 1 from runs where task = 'file.process' and state = 'succeeded'`;
    await eventually(
      async () => held.run !== undefined && (await backend.database.query(ended)).length === 1,
    );
    await backend.database.query(
      `update live_executions l set deadline = e.created_at + interval '1 s' from executions e where e.id = l.id`,
    );
    const { body, status } = await posted;
    const id = body.message.execution_id as string;
    expect([status, body.message.execution_status, body.message.error]).toEqual([
      422,
      'ERROR',
      'It had not ended 1 s after it was accepted, which is its deadline',
    ]);
    expect(body.message.result).toEqual([
      expect.objectContaining({ file: 'a.txt', status: 'Success' }),
      expect.objectContaining({ status: 'Failed', error: 'The deadline of its execution passed' }),
    ]);
    const before = await backend.database.query('select * from runs where root_id = $1 order by id', [id]);
    held.letGo();
    await eventually(async () => (await backend.database.query('select 1 from dispatches')).length === 0);
    expect(await backend.database.query('select * from runs where root_id = $1 order by id', [id])).toEqual(
      before,
    );
    const failures = await answer(
      fetch(`${backend.url}/api/v1/failures`, { headers: bearer(to.organisation.key) }),
    );
    expect(failures.body.failures).toEqual([expect.objectContaining({ code: 'deadline', count: 1 })]);
  });

  it('does not concern those that end before it, nor those without one', async () => {
    const { to } = await limited(600);
    const { to: free } = await limited(undefined);
    expect((await post(to, [textFile('a.txt')], { timeout: '30' })).body.message.execution_status).toBe(
      'COMPLETED',
    );
    const { body } = await post(free, [textFile('b.txt', 'slow')]);
    const [row] = await backend.database.query<{ deadline: Date | null }>(
      'select deadline from live_executions where id = $1',
      [body.message.execution_id],
    );
    expect(row!.deadline).toBe(null);
    await eventually(async () => held.run?.execution_id === body.message.execution_id);
    held.letGo();
    await eventually(async () => (await poll(free, body.message.execution_id)).status === 200);
  });

  it('is a setting from a second to a week', async () => {
    for (const [seconds, status] of [
      [0, 400],
      [1, 200],
      [604_800, 200],
      [604_801, 400],
      [1.5, 400],
    ] as const) {
      expect([seconds, (await limited(seconds)).patched.status]).toEqual([seconds, status]);
    }
  });
});

describe('a deadline in the model', () => {
  const { current, fannedOut, claimAllOf, drain, count } = twoBackends();

  /** Makes it due: the model's executions have no rows of a request, so they get one. */
  async function overdue(id: string): Promise<void> {
    const { database, organisationId } = current().model;
    await database.query(
      `insert into executions (id, organisation_id, deployment_id, workflow_version_id, tags, include_metadata, include_metrics,
                               include_extracted_text)
       values ($1, $2, $2, $2, '{}', false, false, false)`,
      [id, organisationId],
    );
    await database.query('update live_executions set deadline = now() where id = $1', [id]);
  }

  it('ends whatever stage an execution is in, once, whoever looks', async () => {
    const { model, other } = current();
    const session = await model.session();
    const queued = await model.submit('work');
    const { id: waiting } = await fannedOut(session, 3, 1);
    const running = await model.submit('work');
    await claimAllOf(session);
    const finishing = await model.submit('plan');
    const [plan] = await model.claimAll(session);
    await model.report([ended.inChildren(plan!, [])]);
    const ids = [queued, waiting, running, finishing];
    for (const id of ids) await overdue(id);
    await Promise.all([model.endOverdue(), other.endOverdue(), model.endOverdue()]);
    for (const id of ids) {
      expect(await model.run(id)).toMatchObject({ state: 'failed', error: { code: 'deadline' } });
    }
    expect(await count(`live_executions`)).toBe(0);
    expect(await count(`failures where code = 'deadline'`)).toBe(4);
    expect(await count(`executions where ending = 'failed'`)).toBe(4);
    await drain(session);
    expect(await count(`runs where state not in ('failed', 'cancelled', 'succeeded')`)).toBe(0);
  });

  it('is to a worker what a cancel is: it is told, and its report frees the slot and changes nothing', async () => {
    const { model } = current();
    const session = await model.session();
    const id = await model.submit('work');
    const planned = await model.submit('plan');
    const runs = await claimAllOf(session);
    await overdue(id);
    await overdue(planned);
    await model.endOverdue();
    const { cancelled } = await model.sessions.heartbeat(session, {
      active: 1,
      loop_age_ms: 0,
      state: 'active',
    });
    expect(cancelled.map(({ run_id }) => run_id).sort()).toEqual([id, planned].sort());
    const reports = runs.map((run) =>
      run.run_id === id ? ended.badly(run) : ended.inChildren(run, ['a', 'b']),
    );
    expect((await model.report(reports)).map(({ answer }) => answer)).toEqual(['superseded', 'superseded']);
    expect([await count('dispatches'), await count('cancellations'), await count('runs')]).toEqual([0, 0, 2]);
  });

  it('that passes while reports come in leaves one end of each', async () => {
    const { model, other } = current();
    const session = await model.session();
    for (let round = 0; round < 10; round += 1) {
      const { id, runs } = await fannedOut(session, 4);
      await overdue(id);
      await Promise.all([
        ...runs.map((run) => model.report([ended.well(run)])),
        other.endOverdue(),
        model.endOverdue(),
      ]);
      await drain(session);
      expect(['failed', 'succeeded']).toContain((await model.run(id))['state']);
    }
    expect(await count('live_executions')).toBe(0);
  });
});
