import { describe, expect, it } from '@jest/globals';
import type { TestDeployment } from '../testing/http-backend.ts';
import { eventually } from '../testing/http-client.ts';
import { replaying } from './replay.fixture.ts';

const { state, call, backend, another, deployment, run, ended } = replaying();

/** A deployment with so many executions that failed, one file each, the first failed first. */
async function withFailures(count: number): Promise<{ to: TestDeployment; ids: string[] }> {
  const to = await deployment();
  state.fails = () => true;
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) ids.push(await run(to, { 'a.txt': `content ${index}` }));
  state.fails = () => false;
  return { to, ids };
}

const begin = ({ organisation }: TestDeployment, body: object = {}) =>
  call('POST', 'replays', organisation.key, { per_minute: 6000, ...body });
const look = async ({ organisation }: TestDeployment, id: string) =>
  (await call('GET', `replays/${id}`, organisation.key)).body;

async function over(to: TestDeployment, id: string) {
  await eventually(async () => (await look(to, id)).state !== 'running');
  return await look(to, id);
}

/** How often each execution was replayed. */
async function timesReplayed(ids: readonly string[]): Promise<number[]> {
  const rows = await backend().database.query<{ id: string; n: number }>(
    `select u.id, (select count(*)::int from executions e where e.replay_of = u.id) as n
       from unnest($1::uuid[]) with ordinality as u (id, place) order by u.place`,
    [ids],
  );
  return rows.map(({ n }) => n);
}

describe('a replay of many', () => {
  it('runs every execution of a cause again, once, and tells how far it is', async () => {
    const { to, ids } = await withFailures(4);
    state.fails = (text) => text === 'odd';
    const odd = await run(to, { 'b.txt': 'odd', 'fine.txt': 'fine' });
    state.fails = () => false;
    const { body } = await call('GET', 'failures?task=file.process', to.organisation.key);
    const [group] = body.failures;
    expect(group).toMatchObject({ message: 'cannot read <file>', count: 5 });
    await backend().database.query(`update failures set cause = 'ffffffffffffffff' where root_id = $1`, [
      odd,
    ]);

    const dry = await begin(to, { cause: group.cause, dry_run: true });
    expect([dry.status, dry.body]).toEqual([200, { matched: 4, replay: null }]);
    const begun = await begin(to, { cause: group.cause, only_failed: true });
    expect([begun.status, begun.body.matched]).toEqual([202, 4]);
    expect(begun.body.replay).toMatchObject({
      organisation: to.organisation.name,
      request: { cause: group.cause, only_failed: true, limit: 1000 },
      executions: { total: 4 },
    });
    expect(await over(to, begun.body.replay.replay_id)).toMatchObject({
      state: 'done',
      executions: { total: 4, waiting: 0, replayed: 4, refused: 0 },
      refused: [],
    });
    expect(await timesReplayed([...ids, odd])).toEqual([1, 1, 1, 1, 0]);
    const again = await begin(to, { cause: group.cause });
    expect([again.status, again.body]).toEqual([200, { matched: 0, replay: null }]);
    const made = await backend().database.query<{ id: string }>(
      'select id from executions where replay_of = any($1::uuid[])',
      [ids],
    );
    for (const { id } of made) expect((await ended(id)).status).toBe('COMPLETED');
    expect((await call('GET', 'replays', to.organisation.key)).body.replays).toHaveLength(1);
  });

  it('takes those that failed last, by deployment and time, and no more than it was told', async () => {
    const { to, ids } = await withFailures(3);
    const matched = async (filter: object) => (await begin(to, { dry_run: true, ...filter })).body.matched;
    expect(await matched({ api_name: 'invoices' })).toBe(3);
    expect(await matched({ api_name: 'letters' })).toBe(0);
    expect(await matched({ since: new Date(Date.now() + 60_000).toISOString() })).toBe(0);
    expect(await matched({ until: new Date(Date.now() + 60_000).toISOString(), limit: 2 })).toBe(2);
    const begun = await begin(to, { limit: 2 });
    await over(to, begun.body.replay.replay_id);
    expect(await timesReplayed(ids)).toEqual([0, 1, 1]);
  });

  it('keeps its pace, is the only one of its organisation, and begins nothing once it is cancelled', async () => {
    const { to, ids } = await withFailures(3);
    const { body } = await begin(to, { per_minute: 1 });
    const id = body.replay.replay_id as string;
    expect((await begin(to)).status).toBe(409);
    await eventually(async () => (await look(to, id)).executions.replayed === 1);
    const [next] = await backend().database.query<{ seconds: number }>(
      'select extract(epoch from next_at - now())::float8 as seconds from replays where id = $1',
      [id],
    );
    expect(next!.seconds).toBeGreaterThan(40);
    const other = await deployment();
    expect((await call('GET', `replays/${id}`, other.organisation.key)).status).toBe(404);
    expect((await call('POST', `replays/${id}/cancel`, other.organisation.key)).status).toBe(404);
    expect((await call('GET', 'replays', other.organisation.key)).body.replays).toEqual([]);
    expect((await begin(other)).body).toEqual({ matched: 0, replay: null });

    const cancelled = await call('POST', `replays/${id}/cancel`, to.organisation.key);
    expect(cancelled.body).toMatchObject({ state: 'cancelled', executions: { waiting: 2, replayed: 1 } });
    await backend().database.query(`update replays set next_at = now() where id = $1`, [id]);
    expect((await begin(to)).status).toBe(202);
    await eventually(async () => (await timesReplayed(ids)).every((times) => times === 1));
    expect((await look(to, id)).executions).toMatchObject({ waiting: 2, replayed: 1 });
    const audited = (await call('GET', 'audit?action=replay.*', to.organisation.key)).body.events;
    expect(audited.map(({ action }: { action: string }) => action)).toEqual(
      expect.arrayContaining(['replay.begin', 'replay.cancel']),
    );
  });

  it('goes on with others when some cannot be replayed, and says why', async () => {
    const { to, ids } = await withFailures(3);
    const { body } = await begin(to, { per_minute: 1 });
    const id = body.replay.replay_id as string;
    await eventually(async () => (await look(to, id)).executions.replayed === 1);
    await backend().database.query('update ended_executions set uploads_removed_at = now() where id = $1', [
      ids[1],
    ]);
    expect((await call('DELETE', `executions/${ids[0]}`, to.organisation.key)).status).toBe(200);
    await backend().database.query(`update replays set per_minute = 6000, next_at = now() where id = $1`, [
      id,
    ]);
    expect(await over(to, id)).toMatchObject({
      state: 'done',
      executions: { total: 3, replayed: 1, refused: 1 },
      refused: [{ execution_id: ids[1], error: expect.stringContaining('uploads are kept for 24 hours') }],
    });
  });

  it('is carried on by any backend, by several at once, and after one is gone: each execution once', async () => {
    const { to, ids } = await withFailures(12);
    const [second, third] = [await another(), await another()];
    const { body } = await begin(to, { per_minute: 300 });
    const id = body.replay.replay_id as string;
    await eventually(async () => (await look(to, id)).executions.replayed >= 2);
    // As if whoever has it had died, over and over: all of them are at it.
    const forgotten = () =>
      backend().database.query('update replays set held_until = now() where id = $1', [id]);
    await second.stopBackend();
    while ((await look(to, id)).state === 'running') await forgotten();
    expect(await look(to, id)).toMatchObject({ state: 'done', executions: { replayed: 12 } });
    expect(await timesReplayed(ids)).toEqual(ids.map(() => 1));
    await third.stopBackend();
  });

  it('waits when its organisation has too much unfinished, and refuses nothing for that', async () => {
    const { to, ids } = await withFailures(2);
    await backend().database.query(
      `insert into live_executions (id, organisation_id) select gen_random_uuid(), $1 from generate_series(1, 100000)`,
      [to.organisation.id],
    );
    const { body } = await begin(to);
    const waited = async () =>
      (
        await backend().database.query(
          `select 1 from replays where id = $1 and next_at > now() + interval '2 s' and state = 'running'`,
          [body.replay.replay_id],
        )
      ).length === 1;
    await eventually(waited);
    expect(await timesReplayed(ids)).toEqual([0, 0]);
    await backend().database.query(`alter table live_executions disable trigger user`);
    await backend().database.query(
      `delete from live_executions l where organisation_id = $1 and not exists (select 1 from runs where runs.id = l.id)`,
      [to.organisation.id],
    );
    await backend().database.query(`alter table live_executions enable trigger user`);
    expect(await over(to, body.replay.replay_id)).toMatchObject({ executions: { replayed: 2, refused: 0 } });
  });
});
