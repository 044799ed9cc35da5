import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { pipelineTasks } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { openFileStore } from '../files/file-store.ts';
import { sweepOrphans } from '../files/sweeper.ts';
import { startBackend, type HttpBackend, type TestOrganisation } from '../testing/http-backend.ts';
import { eventually } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import {
  failure,
  NONE_SKIPPED,
  pipelineUser,
  success,
  WORKFLOW,
  type PipelineUser,
} from './pipeline-user.fixture.ts';
import { startPipelineWorker, type PipelineWorker } from './pipeline-worker.fixture.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let worker: PipelineWorker;
let organisation: TestOrganisation;
let user: PipelineUser;

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres, { trustedProxies: ['127.0.0.1'], maxFileBytes: 1_000 });
  worker = await startPipelineWorker(backend);
  organisation = await backend.organisation('quayside');
  user = pipelineUser({ backend, worker, organisation });
});
afterAll(async () => {
  await worker?.stop();
  await backend?.stop();
  await postgres?.stop();
});
afterEach(async () => {
  expect(await brokenInvariants(backend.database)).toEqual([]);
});

describe('an execution of a pipeline', () => {
  it('tells what became of each file, those skipped and unread among them, and hands it out once', async () => {
    const name = await user.pipeline();
    const { id, plan } = await user.planning(name, { tags: 'march' });
    expect((await user.poll(name, id)).body).toEqual({ status: 'EXECUTING', message: null });
    const taken = await plan.take('sub/a.txt', 'A', 1);
    const unread = [{ path: 'b.txt', ordinal: 0, reason: 'The file could not be read: it is locked' }];
    await plan.call('POST', '/files', { unread, complete: false });
    await user.fanOut(plan, [taken]);
    const file = await worker.next(pipelineTasks.processFile, id);
    expect(file.run.file).toMatchObject({ name: 'sub/a.txt', size: 1 });
    await file.end(success({ output: { total: 7 }, problems: [], document: { kind: 'txt' } }));
    const last = await worker.next(pipelineTasks.finishPipeline, id);
    const page = (await (await last.call('GET', '/files')).json()) as { files: object[] };
    expect(page.files).toMatchObject([
      { path: 'b.txt', state: null, held: false, error: unread[0]!.reason },
      { path: 'sub/a.txt', state: 'succeeded', held: true, error: null },
    ]);
    const found = await (await last.call('GET', `/files/${taken.file_id}/result`)).json();
    expect(found).toEqual({ output: { total: 7 }, problems: [], document: { kind: 'txt' } });
    await last.call('POST', '/files/settle', { delivered: [taken.file_id], failed: [] });
    await last.end(
      success({
        ...{ found: 3, succeeded: 1, failed: 1, skipped: { ...NONE_SKIPPED, unchanged: 1 }, undelivered: [] },
        skipped_files: [{ file: 'c.txt', reason: 'unchanged', sha256: 'x' }],
      }),
    );
    expect((await user.native(`executions/${id}`)).body).toMatchObject({
      ...{ kind: 'pipeline', api_name: name, status: 'COMPLETED', total_files: 2 },
      ...{ successful_files: 1, failed_files: 1, skipped: { unchanged: 1 } },
    });
    const { status, body } = await user.poll(name, id);
    expect(status).toBe(200);
    expect(body.message).toMatchObject([
      { file: 'b.txt', status: 'Failed', error: unread[0]!.reason, result: null },
      { file: 'sub/a.txt', status: 'Success', result: { output: { total: 7 } } },
      {
        file: 'c.txt',
        status: 'Skipped',
        error: 'unchanged',
        metadata: { source_hash: 'x', tags: ['march'] },
      },
    ]);
    expect((await user.poll(name, id)).status).toBe(406);
  });

  it('stands in the list under its pipeline', async () => {
    const name = await user.pipeline();
    const { id, plan } = await user.planning(name);
    await plan.end(failure('There is no folder.'));
    const { body } = await user.native(`executions?api_name=${name}`);
    expect(body.executions).toMatchObject([
      { execution_id: id, kind: 'pipeline', status: 'ERROR', error: 'There is no folder.', total_files: 0 },
    ]);
    const { status, body: polled } = await user.poll(name, id);
    expect([status, polled]).toEqual([422, { status: 'ERROR', message: null }]);
  });

  it('that is cancelled gives its files free', async () => {
    const name = await user.pipeline();
    const { id, plan } = await user.planning(name);
    await plan.take('a.txt', 'A');
    expect((await user.native(`executions/${id}/cancel`, 'POST')).status).toBe(200);
    expect((await plan.call('PUT', '/files?path=b.txt&ordinal=1', Buffer.from('B'))).status).toBe(401);
    await plan.end({ outcome: 'released' });
    expect(await user.runOver(name, 'A')).toBeNull();
  });
});

describe('a file of a pipeline', () => {
  it('is skipped while nothing of it or of the workflow has changed, unless all are asked for', async () => {
    const name = await user.pipeline();
    expect(await user.runOver(name, 'A')).toBeNull();
    expect(await user.runOver(name, 'A')).toBe('unchanged');
    expect(await user.runOver(name, 'A', { force: true })).toBeNull();
    expect(await user.runOver(name, 'B')).toBeNull();
    expect(await user.runOver(name, 'A')).toBeNull();
    await user.apply({ ...WORKFLOW, steps: [{ read: { max_pages: 7 } }] });
    expect(await user.runOver(name, 'A')).toBeNull();
    expect(await user.runOver(name, 'A')).toBe('unchanged');
  });

  it('is known without being read while its mark is that of what was delivered, unless all are asked for', async () => {
    const name = await user.pipeline();
    expect(await user.runOver(name, 'A', { mark: 'one' })).toBeNull();
    expect(await user.known(name, 'one')).toMatchObject([{ path: 'a.txt', reason: 'unchanged' }]);
    expect(await user.known(name, 'two')).toEqual([]);
    expect(await user.known(name, 'one', { force: true })).toEqual([]);
    // Written again with the same content: read once more, and known by the new mark from then on.
    expect(await user.runOver(name, 'A', { mark: 'two' })).toBe('unchanged');
    expect(await user.known(name, 'two')).toMatchObject([{ reason: 'unchanged' }]);
    expect(await user.known(name, 'one')).toEqual([]);
    // Delivered without a mark: nothing is known but the content.
    expect(await user.runOver(name, 'B')).toBeNull();
    expect(await user.known(name, 'two')).toEqual([]);
    await user.apply({ ...WORKFLOW, steps: [{ read: { max_pages: 8 } }] });
    expect(await user.runOver(name, 'B', { mark: 'three' })).toBeNull();
    await user.apply({ ...WORKFLOW, steps: [{ read: { max_pages: 9 } }] });
    expect(await user.known(name, 'three')).toEqual([]);
  });

  it('is known without being read after it failed three times as it is', async () => {
    const name = await user.pipeline();
    const failing = { outcome: 'failed' as const, mark: 'one' };
    for (let time = 1; time <= 3; time += 1) {
      expect(await user.known(name, 'one')).toEqual([]);
      expect(await user.runOver(name, 'A', failing)).toBeNull();
    }
    expect(await user.known(name, 'one')).toMatchObject([{ path: 'a.txt', reason: 'failed 3 times' }]);
    expect(await user.known(name, 'two')).toEqual([]);
  });

  it('is not tried a fourth time while it fails as it is', async () => {
    const name = await user.pipeline();
    const failing = { outcome: 'failed' as const };
    for (let time = 1; time <= 3; time += 1) expect(await user.runOver(name, 'A', failing)).toBeNull();
    expect(await user.runOver(name, 'A')).toBe('failed 3 times');
    expect(await user.runOver(name, 'B', failing)).toBeNull();
    expect(await user.runOver(name, 'A', { ...failing, force: true })).toBeNull();
    expect(await user.runOver(name, 'A')).toBeNull();
    expect(await user.runOver(name, 'A')).toBe('unchanged');
  });

  it('belongs to one execution at a time, even if all are asked for, and to the next after that has ended', async () => {
    const name = await user.pipeline();
    const [one, other] = [await user.planning(name), await user.planning(name, { force: true })];
    expect((await one.plan.take('a.txt', 'A')).skipped).toBeNull();
    expect((await other.plan.take('a.txt', 'A')).skipped).toBe('active elsewhere');
    await one.plan.end(failure('The end'));
    expect((await other.plan.take('a.txt', 'A')).skipped).toBeNull();
    await other.plan.end(failure('The end'));
  });

  it('failure mode 7: is known as its own by the attempt that follows a crash, and stored once', async () => {
    const name = await user.pipeline();
    const { id, plan } = await user.planning(name);
    const first = await plan.take('a.txt', 'A');
    await plan.take('gone.txt', 'G', 1);
    await plan.end({ outcome: 'released' });
    const again = await worker.next(pipelineTasks.planPipeline, id);
    expect(again.run.epoch).toBe(2);
    // What the lost attempt still says is refused.
    expect((await plan.call('PUT', '/files?path=late.txt&ordinal=2', Buffer.from('L'))).status).toBe(401);
    const second = await again.take('a.txt', 'changed');
    expect(second).toMatchObject({ file_id: first.file_id, skipped: null, size: 7 });
    await user.fanOut(again, [second]);
    const rows = await backend.database.query<{ name: string; size: string }>(
      'select name, size from files where execution_id = $1',
      [id],
    );
    expect(rows).toEqual([{ name: 'a.txt', size: '7' }]);
    expect(await backend.database.query('select path from pipeline_files where held_by = $1', [id])).toEqual([
      { path: 'a.txt' },
    ]);
    // Of what was uploaded three times, the bytes that nobody needs any more go.
    await eventually(async () => (await storedObjectsOf(id)) === 1);
    await user.finish(id, second, 'delivered');
    expect(await user.runOver(name, 'changed')).toBe('unchanged');
  });

  it('goes to exactly one of many executions that want it at the same moment', async () => {
    const name = await user.pipeline();
    const wanting = await Promise.all(Array.from({ length: 6 }, () => user.planning(name)));
    for (let round = 0; round < 5; round += 1) {
      const answers = await Promise.all(wanting.map(({ plan }) => plan.take(`${round}.txt`, 'A', round)));
      expect(answers.filter(({ skipped }) => skipped === null)).toHaveLength(1);
      expect(answers.filter(({ skipped }) => skipped === 'active elsewhere')).toHaveLength(5);
    }
    for (const { plan } of wanting) await plan.end(failure('The end'));
  });

  it('leaves no bytes where it was skipped, and none where it is too large', async () => {
    const name = await user.pipeline();
    await user.runOver(name, 'A');
    const before = new Set(await backend.storedFiles());
    expect(await user.runOver(name, 'A')).toBe('unchanged');
    const { plan } = await user.planning(name);
    const large = await plan.call('PUT', '/files?path=large.txt&ordinal=0', Buffer.alloc(1_001));
    expect(large.status).toBe(413);
    expect((await plan.take('largest.txt', 'x'.repeat(1_000))).size).toBe(1_000);
    await plan.end(failure('The end'));
    // Those of earlier executions may go meanwhile.
    const added = (await backend.storedFiles()).filter((file) => !before.has(file));
    expect(added).toHaveLength(1);
  });
});

describe('what the runs of a pipeline may ask for', () => {
  it('is for their task alone, for their own run, and for as long as they run', async () => {
    const name = await user.pipeline();
    const { id, plan } = await user.planning(name);
    const taken = await plan.take('a.txt', 'A');
    expect((await plan.call('GET', '/files')).status).toBe(403);
    expect((await plan.call('POST', '/files/settle', { delivered: [], failed: [] })).status).toBe(403);
    await user.fanOut(plan, [taken]);
    expect((await plan.call('PUT', '/files?path=b.txt&ordinal=1', Buffer.from('B'))).status).toBe(401);
    const file = await worker.next(pipelineTasks.processFile, id);
    expect((await file.call('PUT', '/files?path=b.txt&ordinal=1', Buffer.from('B'))).status).toBe(403);
    await file.end(success({ output: {} }));
    const last = await worker.next(pipelineTasks.finishPipeline, id);
    expect((await last.call('PUT', '/files?path=b.txt&ordinal=1', Buffer.from('B'))).status).toBe(403);
    expect((await last.call('GET', `/files/${crypto.randomUUID()}/result`)).status).toBe(404);
    await last.end(success({}));
    expect((await last.call('GET', '/files')).status).toBe(401);
  });
});

describe('what is removed', () => {
  it('goes with its execution, but not what the pipeline knows of its files', async () => {
    const name = await user.pipeline();
    const { id, plan } = await user.planning(name);
    const taken = await plan.take('a.txt', 'A');
    await user.fanOut(plan, [taken]);
    await user.finish(id, taken, 'delivered');
    expect(await user.native(`executions/${id}`, 'DELETE')).toMatchObject({
      ...{ status: 200, body: { removed: { files: 1, executions: 1 } } },
    });
    await eventually(async () => (await storedObjectsOf(id)) === 0);
    expect(await user.runOver(name, 'A')).toBe('unchanged');
  });

  it('are bytes of a file that no row names, once they are old', async () => {
    const name = await user.pipeline();
    const { id, plan } = await user.planning(name);
    await plan.take('a.txt', 'A');
    const store = await openFileStore(backend.folder);
    const stray = `uploads/${id}-${crypto.randomUUID()}`;
    await (await store.begin(stray)).commit();
    expect(await storedObjectsOf(id)).toBe(2);
    await sweepOrphans(backend.database, store, Date.now() + 2 * 3_600_000);
    expect(await storedObjectsOf(id)).toBe(1);
    await plan.end(failure('The end'));
  });
});

/** How many objects the store keeps for an execution. */
async function storedObjectsOf(executionId: string): Promise<number> {
  return (await backend.storedFiles()).filter((file) => file.includes(executionId)).length;
}
