import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { FinishPipelineInput } from '@longshore/contracts';
import type { FanOut, TaskContext } from '@longshore/tasks';
import { createFinishPipeline, verdict } from './finish-pipeline.ts';
import { inParallel } from './in-parallel.ts';
import { createContext, EXECUTION, file, meansOf, run } from './pipelines.fixture.ts';
import { createPlanPipeline } from './plan-pipeline.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function folder(files: Readonly<Record<string, string>> = {}): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'longshore-pipelines-')));
  cleanups.push(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'in'));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, 'in', path, '..'), { recursive: true });
    writeFileSync(join(root, 'in', path), content);
  }
  return root;
}

function planner(root: string, source: object, { destination = 'none' as unknown, allowed = [root] } = {}) {
  const task = createPlanPipeline(meansOf({ folders: allowed }));
  const input = { pipeline_id: 'inbox', source, destination, force: false, max_parallel_files: 3 };
  return async (given: TaskContext) => ((await run(task, input, given)) as FanOut).plan;
}

const SKIPPED = { unchanged: 0, active_elsewhere: 0, failed_3_times: 0 };

describe('planning a pipeline', () => {
  it('brings in each file of the folder, and has those processed that were taken', async () => {
    const root = folder({ 'a.txt': 'A', 'sub/b.txt': 'B', 'c.txt': 'C', 'd.txt': 'D' });
    const { told, context: given } = createContext({
      skips: { 'c.txt': 'unchanged', 'd.txt': 'active elsewhere' },
    });
    const plan = await planner(root, { folder: { path: join(root, 'in') } })(given);
    expect([...told.taken].sort()).toEqual([
      ['a.txt', 'A'],
      ['sub/b.txt', 'B'],
    ]);
    expect(told.listed).toEqual([{ unread: [], complete: true }]);
    expect(plan.children).toMatchObject([
      { key: 'id of a.txt', fileId: 'id of a.txt', task: 'file.process', queue: 'file_processing' },
      { key: 'id of sub/b.txt' },
    ]);
    expect(plan.maxParallel).toBe(3);
    expect(plan.then).toMatchObject({
      task: 'pipeline.finish',
      input: {
        ...{ found: 4, skipped: { unchanged: 1, active_elsewhere: 1, failed_3_times: 0 } },
        skipped_files: [
          { file: 'c.txt', reason: 'unchanged', sha256: 'hash of C' },
          { file: 'd.txt', reason: 'active elsewhere', sha256: 'hash of D' },
        ],
      },
    });
  });

  it('goes on without a file that cannot be had, and tells why', async () => {
    const root = folder({ 'a.txt': 'A', 'b.txt': 'too large', 'c.txt': 'x'.repeat(101) });
    const { told, context: given } = createContext();
    const plan = await planner(root, { folder: { path: join(root, 'in') } })(given);
    expect(plan.children).toHaveLength(1);
    expect(told.listed).toEqual([
      {
        unread: [
          { path: 'b.txt', ordinal: 1, reason: expect.stringContaining('larger than 3 bytes') },
          { path: 'c.txt', ordinal: 2, reason: expect.stringContaining('larger than 100 bytes') },
        ],
        complete: true,
      },
    ]);
  });

  it('fails as a whole when the platform does not take files', async () => {
    const root = folder({ 'a.txt': 'backend is down' });
    await expect(
      planner(root, { folder: { path: join(root, 'in') } })(createContext().context),
    ).rejects.toMatchObject({ status: 503 });
  });

  it('of an empty folder plans nothing, and that is no failure', async () => {
    const root = folder();
    const plan = await planner(root, { folder: { path: join(root, 'in') } })(createContext().context);
    expect(plan).toMatchObject({ children: [], then: { input: { found: 0 } } });
  });

  it.each([
    ['is missing', { path: 'ROOT/nowhere' }, {}, 'source_missing'],
    ['is not allowed', { path: '/etc' }, {}, 'source_not_allowed'],
    ['is on a worker without folders', { path: 'ROOT/in' }, { allowed: [] }, 'source_not_allowed'],
    [
      'holds its destination',
      { path: 'ROOT/in' },
      { destination: { folder: { path: 'ROOT/in/out' } } },
      'destination_in_source',
    ],
  ])('of a source that %s fails, and is not tried again', async (_how, source, options, code) => {
    const root = folder({ 'a.txt': 'A' });
    const placed = JSON.parse(JSON.stringify({ source, options }).replaceAll('ROOT', root)) as {
      source: object;
      options: object;
    };
    await expect(
      planner(root, { folder: placed.source }, placed.options)(createContext().context),
    ).rejects.toMatchObject({ code, retryable: false });
  });

  it('reads addresses, behind the guard', async () => {
    const server = createServer((_request, response) => response.end('remote')).listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    cleanups.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const task = createPlanPipeline(meansOf({ hosts: [`localhost:${port}`] }));
    const https = [`http://localhost:${port}/in/a.pdf?signature=x`, `http://127.0.0.1:${port}/b.pdf`];
    const { told, context: given } = createContext();
    const input = {
      pipeline_id: 'x',
      source: { https },
      destination: 'none',
      force: false,
      max_parallel_files: 1,
    };
    await run(task, input, given);
    expect([...told.taken]).toEqual([[`localhost_${port}/in/a.pdf`, 'remote']]);
    expect(told.listed).toMatchObject([{ unread: [{ path: `127.0.0.1_${port}/b.pdf`, ordinal: 1 }] }]);
  });

  it('knows a path that is too long by its beginning and its hash', async () => {
    const long = `${'ü'.repeat(120)}/`.repeat(5);
    const root = folder({ [`${long}one.txt`]: 'A', [`${long}two.txt`]: 'B' });
    const { told, context: given } = createContext();
    await planner(root, { folder: { path: join(root, 'in') } })(given);
    const { unread } = told.listed[0] as { unread: { path: string }[] };
    expect(new Set(unread.map(({ path }) => path)).size).toBe(2);
    for (const { path } of unread) expect(Buffer.byteLength(path)).toBeLessThanOrEqual(1000);
  });
});

describe('finishing a pipeline', () => {
  function finisher(
    root: string,
    found: number,
    destination: unknown = { folder: { path: join(root, 'out') } },
  ) {
    const task = createFinishPipeline(meansOf({ folders: [root] }));
    const input = { pipeline_id: 'inbox', destination, found, skipped: SKIPPED, skipped_files: [] };
    return (given: TaskContext) => run(task, input, given);
  }

  it('writes one document for each file that succeeded, and says so after', async () => {
    const root = folder();
    const { told, context: given, holding } = createContext();
    holding([
      file('a.txt'),
      file('sub/b.txt', { ordinal: 1 }),
      file('c.txt', { ordinal: 2, state: 'failed', error: 'It is torn.' }),
    ]);
    expect(await finisher(root, 3)(given)).toMatchObject({ found: 3, succeeded: 2, failed: 1 });
    expect(readdirSync(join(root, 'out'), { recursive: true }).sort()).toEqual([
      ...['a.txt.json', 'sub', 'sub/b.txt.json'],
    ]);
    expect(JSON.parse(readFileSync(join(root, 'out/sub/b.txt.json'), 'utf8'))).toMatchObject({
      ...{ file: 'sub/b.txt', pipeline_id: 'inbox', execution_id: EXECUTION },
      output: { from: 'id of sub/b.txt' },
    });
    expect(told.settled).toEqual([
      { delivered: ['id of a.txt', 'id of sub/b.txt'], failed: [] },
      { delivered: [], failed: ['id of c.txt'] },
    ]);
  });

  it('failure mode 4: writes what it said before no more: by now somebody else may have written there', async () => {
    const root = folder();
    mkdirSync(join(root, 'out'));
    writeFileSync(join(root, 'out/a.txt.json'), 'newer');
    const { context: given, holding } = createContext();
    holding([file('a.txt', { held: false })]);
    expect(await finisher(root, 1)(given)).toMatchObject({ succeeded: 1, failed: 0 });
    expect(readFileSync(join(root, 'out/a.txt.json'), 'utf8')).toBe('newer');
  });

  it('goes on without a result that cannot be written or read, and does not call it delivered', async () => {
    const root = folder();
    mkdirSync(join(root, 'out/a.txt.json'), { recursive: true });
    const { told, context: given, holding } = createContext();
    holding([
      file('a.txt'),
      file('b.txt', { ordinal: 1 }),
      file('c.txt', { ordinal: 2, file_id: 'unreadable' }),
    ]);
    expect(await finisher(root, 3)(given)).toMatchObject({
      ...{ succeeded: 1, failed: 2 },
      undelivered: [{ file: 'a.txt' }, { file: 'c.txt', reason: 'Nothing can be read' }],
    });
    expect(told.settled.flatMap(({ delivered }) => delivered)).toEqual(['id of b.txt']);
  });

  it('fails as a whole when the destination cannot be used', async () => {
    const root = folder();
    writeFileSync(join(root, 'out'), 'a file');
    const { told, context: given, holding } = createContext();
    holding([file('a.txt')]);
    await expect(finisher(root, 1)(given)).rejects.toMatchObject({
      code: 'destination_failed',
      retryable: true,
    });
    const elsewhere = finisher(root, 1, { folder: { path: '/etc' } });
    await expect(elsewhere(given)).rejects.toMatchObject({ code: 'destination_failed', retryable: false });
    expect(told.settled).toEqual([]);
  });

  it('writes nothing where nothing is wanted, and calls it delivered', async () => {
    const { told, context: given, holding } = createContext();
    holding([file('a.txt')]);
    expect(await finisher('/nowhere', 1, 'none')(given)).toMatchObject({ succeeded: 1 });
    expect(told.settled).toEqual([{ delivered: ['id of a.txt'], failed: [] }]);
  });
});

describe('how an execution ends', () => {
  const input = (found: number, unchanged = 0) =>
    ({ found, skipped: { ...SKIPPED, unchanged }, skipped_files: [] }) as unknown as FinishPipelineInput;
  const tally = (succeeded: number) => ({ succeeded, undelivered: [], firstReason: 'It is torn.' });

  it('is a success when the files that failed before were given up', () => {
    const given = { ...input(2, 1), skipped: { ...SKIPPED, unchanged: 1, failed_3_times: 1 } };
    expect(verdict(given, tally(0))).toMatchObject({ succeeded: 0, failed: 0 });
  });

  it.each([
    ['of an empty source', { found: 0, unchanged: 0, succeeded: 0, failed: 0 }],
    ['when all was skipped', { found: 5, unchanged: 5, succeeded: 0, failed: 0 }],
    ['when some failed', { found: 5, unchanged: 2, succeeded: 1, failed: 2 }],
  ])('is a success %s', (_when, { found, unchanged, succeeded, failed }) => {
    expect(verdict(input(found, unchanged), tally(succeeded))).toMatchObject({ found, succeeded, failed });
  });

  it.each([
    ['when all failed', 2, 0, 'None of the 2 files could be processed: It is torn.'],
    ['when all failed that were not skipped', 3, 2, 'The file could not be processed: It is torn.'],
  ])('is a failure %s', (_when, found, unchanged, message) => {
    expect(() => verdict(input(found, unchanged), tally(0))).toThrow(message);
  });
});

describe('doing something in parallel', () => {
  it('never does more at once than it may, and does all', async () => {
    let [now, most, done] = [0, 0, 0];
    await inParallel(Array.from({ length: 20 }), 3, async () => {
      most = Math.max(most, (now += 1));
      await new Promise((next) => setImmediate(next));
      now -= 1;
      done += 1;
    });
    expect([most, done]).toEqual([3, 20]);
  });

  it('begins nothing after a failure, and throws that', async () => {
    let begun = 0;
    const failing = inParallel(Array.from({ length: 20 }), 2, async () => {
      begun += 1;
      await Promise.reject(new Error('no'));
    });
    await expect(failing).rejects.toThrow('no');
    expect(begun).toBe(2);
  });
});
