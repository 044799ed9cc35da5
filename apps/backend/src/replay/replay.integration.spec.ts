import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createRetention } from '../retention/retention-job.ts';
import { age, DEFAULTS } from '../retention/kept-executions.fixture.ts';
import { silentLogger, systemClock } from '@longshore/runtime';
import { openFileStore } from '../files/file-store.ts';
import { eventually, post, textFile } from '../testing/http-client.ts';
import { replaying } from './replay.fixture.ts';

const { state, call, backend, another, deployment, run, detail, ended } = replaying();

const replay = (id: string, key: string, body: object = {}) =>
  call('POST', `executions/${id}/replay`, key, body);
const textsOf = (body: { result: { result: { output: { text: string } } | null }[] }) =>
  body.result.map(({ result }) => result?.output.text ?? null);

/** Clears what is kept for so many hours. */
const retain = async (uploads: number) =>
  createRetention(
    {
      database: backend().database,
      store: await openFileStore(backend().folder),
      clock: systemClock,
      logger: silentLogger(),
    },
    { ...DEFAULTS, uploads },
  )(new AbortController().signal);

describe('a replay of an execution', () => {
  it('is a new execution of the same files that names the old one, and leaves that as it was', async () => {
    const to = await deployment();
    const key = to.organisation.key;
    state.fails = (text) => text === 'two';
    const old = await run(to, { 'a.txt': 'one', 'b.txt': 'two', 'empty.txt': '' }, { tags: 'march' });
    const before = await detail(old);
    state.fails = () => false;
    const made = await replay(old, key);
    expect([made.status, made.body]).toEqual([
      201,
      { execution_id: expect.any(String), replay_of: old, status: 'PENDING' },
    ]);
    const after = await ended(made.body.execution_id);
    expect(after).toMatchObject({
      status: 'COMPLETED',
      replay_of: old,
      tags: ['march'],
      successful_files: 3,
    });
    expect(textsOf(after)).toEqual(['one', 'two', '']);
    expect(await detail(old)).toEqual(before);
    const listed = (await call('GET', 'executions', key)).body.executions;
    expect(listed.map((each: { replay_of: string | null }) => each.replay_of)).toEqual([old, null]);
    const audited = (await call('GET', 'audit?action=execution.replay', key)).body.events;
    expect(audited).toEqual([expect.objectContaining({ target: old, outcome: 'success' })]);
  });

  it('runs under the workflow version and the settings of now, with other data where it is told so', async () => {
    const to = await deployment();
    const old = await run(to, { 'a.txt': 'one' }, { custom_data: '{"a":1}' });
    await call('POST', 'apply', backend().adminKey, {
      organisation: to.organisation.name,
      documents: [{ kind: 'workflow', name: 'invoices-workflow', steps: [{ read: { max_pages: 5 } }] }],
    });
    const dataOf = async (body: object) => {
      const made = (await replay(old, to.organisation.key, body)).body.execution_id as string;
      expect((await ended(made)).workflow_version).toBe(2);
      const [row] = await backend().database.query<{ custom_data: unknown }>(
        'select custom_data from executions where id = $1',
        [made],
      );
      return row!.custom_data;
    };
    expect((await detail(old)).workflow_version).toBe(1);
    expect(await dataOf({})).toEqual({ a: 1 });
    expect(await dataOf({ custom_data: { b: [2] } })).toEqual({ b: [2] });
    expect(await dataOf({ custom_data: null })).toBe(null);
    expect((await replay(old, to.organisation.key, { custom_data: 7 })).status).toBe(400);
    expect((await replay(old, to.organisation.key, { onlyfailed: true })).status).toBe(400);
  });

  it('of what failed takes over the other results, and they survive those they were copied from', async () => {
    const to = await deployment();
    state.fails = (text) => text === 'bad';
    const old = await run(to, { 'a.txt': 'one', 'l.txt': 'large one', 'b.txt': 'bad', 'same.txt': 'one' });
    const first = await detail(old);
    state.fails = () => false;
    state.computed = [];
    const made = (await replay(old, to.organisation.key, { only_failed: true })).body.execution_id as string;
    const after = await ended(made);
    expect(state.computed).toEqual(['b.txt']);
    expect(textsOf(after)).toEqual(['one', 'large one', 'bad', 'one']);
    expect(after.result[1].metadata.reused_from).toBe(first.result[1].file_execution_id);
    expect((await call('DELETE', `executions/${old}`, to.organisation.key)).status).toBe(200);
    await eventually(
      async () => !(await backend().storedFiles()).some((file) => file.endsWith(`uploads/${old}`)),
    );
    const alone = await detail(made);
    expect([alone.replay_of, textsOf(alone)]).toEqual([null, ['one', 'large one', 'bad', 'one']]);
    expect((await replay(made, to.organisation.key)).status).toBe(201);
  });

  it('takes over results of other rules for itself alone: no later request reuses them', async () => {
    const to = await deployment();
    state.fails = (text) => text === 'bad';
    const old = await run(to, { 'a.txt': 'one', 'b.txt': 'bad' });
    state.fails = () => false;
    const only = { only_failed: true, custom_data: { other: true } };
    await ended((await replay(old, to.organisation.key, only)).body.execution_id);
    state.computed = [];
    await run(
      to,
      { 'a.txt': 'one', 'b.txt': 'bad' },
      { use_file_history: 'true', custom_data: '{"other":true}' },
    );
    expect(state.computed).toEqual(['a.txt']);
  });

  it('is refused with the reason, and leaves nothing', async () => {
    const to = await deployment();
    const key = to.organisation.key;
    const good = await run(to, { 'a.txt': 'one' });
    const reasonOf = async (id: string, body: object = {}) => {
      const refused = await replay(id, key, body);
      return [refused.status, refused.body.errors?.[0].detail];
    };
    const [rows, files] = [await backend().rows(), await backend().storedFiles()];
    expect(await reasonOf(good, { only_failed: true })).toEqual([409, 'No file of this execution failed']);
    await call('PATCH', 'deployments/invoices', key, { active: false });
    expect(await reasonOf(good)).toEqual([409, 'The deployment "invoices" is switched off']);
    await call('PATCH', 'deployments/invoices', key, { active: true });
    const other = await deployment();
    expect((await replay(good, other.organisation.key)).status).toBe(404);
    expect((await replay(good, to.key)).status).toBe(403);
    await rm(join(backend().folder, 'uploads', good));
    expect((await reasonOf(good))[1]).toMatch(/files of this execution are gone/);
    await age(backend().database, good, 25);
    await retain(24);
    expect(await reasonOf(good)).toEqual([
      409,
      'The files of this execution are gone: uploads are kept for 24 hours after the end. Send them again instead',
    ]);
    expect(await backend().rows()).toEqual(rows);
    expect(await backend().storedFiles()).toEqual(files.filter((file) => !file.endsWith(good)));
  });

  it('waits for the end of the old one, and counts against the limits of its organisation', async () => {
    const narrow = await another({ maxUnfinishedPerOrganisation: 1 }, false);
    const to = await narrow.deploy(await narrow.organisation(), 'invoices');
    const send = (path: string, body: object = {}) =>
      fetch(`${narrow.url}/api/v1/${path}`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${to.organisation.key}`, 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
    const first = (await post(to, [textFile('a.txt')])).body.message.execution_id as string;
    expect((await send(`executions/${first}/replay`)).status).toBe(409);
    expect((await send(`executions/${first}/cancel`)).status).toBe(200);
    const made = await send(`executions/${first}/replay`);
    expect(made.status).toBe(201);
    const files = await narrow.storedFiles();
    const refused = await send(`executions/${first}/replay`);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5']);
    expect(await narrow.storedFiles()).toEqual(files);
  });
});

describe('a replay that races', () => {
  /** What became of replays: those made end well, and no object is left that no execution owns. */
  async function settled(made: readonly { status: number; body: { execution_id: string } }[]) {
    for (const { status, body } of made) {
      expect([201, 404, 409]).toContain(status);
      if (status === 201) expect((await ended(body.execution_id)).status).toBe('COMPLETED');
    }
    const owned = await backend().database.query<{ id: string }>('select id from executions');
    const uploads = (await backend().storedFiles()).filter((file) => file.includes('/uploads/'));
    const strays = uploads.filter((file) => !owned.some(({ id }) => file.endsWith(id)));
    expect(strays).toEqual([]);
  }

  it('with retention is whole or refused', async () => {
    const to = await deployment();
    for (let round = 0; round < 4; round += 1) {
      const id = await run(to, { 'a.txt': `large ${'x'.repeat(900_000)} ${round}`, 'b.txt': `b ${round}` });
      await age(backend().database, id, 30);
      const order = () => replay(id, to.organisation.key);
      const [one, two, , three] = await Promise.all([order(), order(), retain(24), order()]);
      await settled([one, two, three, await order()]);
    }
  });

  it('with the deletion of the execution is whole or refused, and nothing names what is gone', async () => {
    const to = await deployment();
    for (let round = 0; round < 6; round += 1) {
      const id = await run(to, { 'a.txt': `a ${round}`, 'b.txt': `b ${round}` });
      const order = () => replay(id, to.organisation.key);
      const drop = () => call('DELETE', `executions/${id}`, to.organisation.key);
      const [one, two, gone, three] = await Promise.all([order(), order(), drop(), order()]);
      expect(gone.status).toBe(200);
      await eventually(
        async () => !(await backend().storedFiles()).some((file) => file.endsWith(`uploads/${id}`)),
      );
      await settled([one, two, three]);
      const naming = await backend().database.query('select 1 from executions where replay_of = $1', [id]);
      expect(naming).toEqual([]);
    }
  });

  it('and comes to accept when the execution is just being deleted is refused, and leaves nothing', async () => {
    const to = await deployment();
    const id = await run(to, { 'a.txt': 'a' });
    const files = await backend().storedFiles();
    const { database } = backend();
    const waits = async () =>
      (
        await database.query(
          `select 1 from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock' and query like '%accept_new_execution%'`,
        )
      ).length > 0;
    let ordered: ReturnType<typeof replay> | undefined;
    await database.transaction(async (client) => {
      await client.query('select 1 from executions where id = $1 for update', [id]);
      ordered = replay(id, to.organisation.key);
      await eventually(waits);
      for (const table of ['files', 'ended_executions', 'executions', 'runs']) {
        const column = { files: 'execution_id', runs: 'root_id' }[table] ?? 'id';
        await client.query(`delete from ${table} where ${column} = $1`, [id]);
      }
    });
    const refused = await ordered!;
    expect([refused.status, refused.body.errors[0].detail]).toEqual([
      409,
      'The execution was deleted meanwhile',
    ]);
    expect(await backend().storedFiles()).toEqual(files);
    await rm(join(backend().folder, 'uploads', id));
  });

  it('with the deletion of its organisation leaves nothing of it', async () => {
    const to = await deployment();
    const id = await run(to, { 'a.txt': 'a' });
    const path = `organisations/${to.organisation.name}?confirm=${to.organisation.name}`;
    const [made, gone] = await Promise.all([
      replay(id, to.organisation.key),
      call('DELETE', path, backend().adminKey),
    ]);
    if (made.status === 201 && gone.status === 409) await ended(made.body.execution_id);
    const deletion = gone.status === 202 ? gone : await call('DELETE', path, backend().adminKey);
    expect(deletion.status).toBe(202);
    await eventually(
      async () =>
        (await call('GET', `deletions/${deletion.body.deletion_id}`, backend().adminKey)).body.state ===
        'done',
    );
    expect((await backend().storedFiles()).some((file) => file.endsWith(id))).toBe(false);
  });
});
