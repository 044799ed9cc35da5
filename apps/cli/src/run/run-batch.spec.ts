import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ApiError, routes } from '@longshore/contracts';
import { exitCodes, UnansweredError } from '../cli-error.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { createExecutionReader } from '../client/read-execution.ts';
import { createPatience } from './patience.ts';
import type { ResultLine } from './results-file.ts';
import { runBatch } from './run-batch.ts';

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const refused = (status: number, detail = 'no', retryAfter?: number) =>
  new ApiError(status, [{ code: 'invalid', detail, attr: null }] as never, retryAfter);

/** A platform that answers each file as `answer` says, the first time with what is thrown. */
function setup(names: readonly string[], answer: (name: string, call: number) => unknown = () => undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'longshore-batch-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const files = names.map((name) => join(folder, name));
  for (const file of files) writeFileSync(file, file);
  const executions = new Map<string, string>();
  const calls = new Map<string, number>();
  const most = { underWay: 0, now: 0 };
  const client = {
    url: '',
    call: async (route: unknown, given: never) => {
      const { params, body, headers } = given as {
        params: { id?: string };
        body?: FormData;
        headers?: Record<string, string>;
      };
      if (route === routes.execution) {
        await new Promise((done) => setImmediate(done));
        most.now -= 1;
        return {
          ...{ execution_id: params.id, status: 'COMPLETED', error: null },
          result: [{ status: 'Success', error: null, result: { output: 1 }, metadata: { source_hash: '' } }],
        };
      }
      const { name } = body!.get('files') as File;
      calls.set(name, (calls.get(name) ?? 0) + 1);
      const problem = answer(name, calls.get(name)!);
      if (problem !== undefined) throw problem;
      const key = headers!['Idempotency-Key']!;
      executions.set(key, executions.get(key) ?? `execution-${executions.size}`);
      most.now += 1;
      most.underWay = Math.max(most.underWay, most.now);
      return { message: { execution_id: executions.get(key) } };
    },
  } as unknown as PlatformClient;
  const lines = new Map<string, ResultLine>();
  const problems: string[] = [];
  const stopping = new AbortController();
  const signal = new AbortController().signal;
  const run = (parallel = 3, unreachableMs = 1_000) =>
    runBatch({
      ...{ files, client, parallel, signal, stopping: stopping.signal },
      read: createExecutionReader(client, { org: 'o', api_name: 'a' }),
      patience: createPatience({ signal, unreachableMs, tell: () => undefined }),
      target: { organisation: 'o', apiName: 'a', version: '1' },
      results: {
        lineOf: (file, sha256) => lines.get(`${file} ${sha256}`),
        add: (line) => void lines.set(`${line.file} ${line.sha256}`, line),
        close: () => undefined,
      },
      told: ({ problem }) => problem !== undefined && problems.push(problem),
    });
  return { run, lines, files, executions, calls, most, problems, stopping };
}

const many = (count: number) => Array.from({ length: count }, (_, index) => `${index}.pdf`);

describe('a batch', () => {
  it('gives each file one line, so many at once, and does nothing when it is run again', async () => {
    const { run, lines, executions, calls, most } = setup(many(20));
    expect(await run(3)).toMatchObject({ files: 20, succeeded: 20, failed: 0, known: 0 });
    expect([lines.size, executions.size]).toEqual([20, 20]);
    expect([2, 3]).toContain(most.underWay);
    expect(await run(3)).toMatchObject({ succeeded: 20, known: 20 });
    expect([...calls.values()].every((count) => count === 1)).toBe(true);
  });

  it('sends a file whose line was lost under the same key, and one with another content under another', async () => {
    const { run, lines, executions, files } = setup(['a.pdf', 'b.pdf']);
    await run();
    lines.clear();
    await run();
    expect(executions.size).toBe(2);
    writeFileSync(files[0]!, 'changed');
    await run();
    expect([executions.size, lines.size]).toEqual([3, 3]);
  });

  it('comes again where there is no room or no answer, and tells of what is refused for good', async () => {
    const { run, lines, calls } = setup(['a.pdf', 'b.pdf', 'c.pdf', 'd.pdf'], (name, call) => {
      if (name === 'a.pdf' && call === 1) return refused(429, 'too many', 0);
      if (name === 'b.pdf' && call === 1) return new UnansweredError('nobody');
      return name === 'c.pdf' ? refused(413, 'too large') : undefined;
    });
    expect(await run()).toMatchObject({ succeeded: 3, failed: 1 });
    expect([calls.get('a.pdf'), calls.get('b.pdf'), calls.get('c.pdf')]).toEqual([2, 2, 1]);
    expect([...lines.values()].find(({ file }) => file.endsWith('c.pdf'))).toMatchObject({
      ...{ status: 'failed', error: 'too large', execution_id: null, output: null },
    });
  });

  it('ends at what is about no single file, without a line for it', async () => {
    const { run, lines } = setup(many(9), (name) => (name === '4.pdf' ? refused(403) : undefined));
    await expect(run(1)).rejects.toMatchObject({ status: 403 });
    expect(lines.size).toBe(4);
    const away = setup(['a.pdf'], () => new UnansweredError('nobody'));
    await expect(away.run(1, 0)).rejects.toMatchObject({ exitCode: exitCodes.unreachable });
  });

  it('begins nothing new once it is to stop, and waits for what is under way', async () => {
    const { run, lines, stopping } = setup(many(10), (name) =>
      name === '3.pdf' ? stopping.abort() : undefined,
    );
    const counts = await run(2);
    expect(counts.underWay).toBe(0);
    expect(lines.size).toBe(counts.succeeded);
    expect(lines.size).toBeGreaterThanOrEqual(4);
    expect(lines.size).toBeLessThan(7);
  });

  it('tells of a file that is gone, gives it no line, and goes on', async () => {
    const { run, lines, files, problems } = setup(['a.pdf', 'b.pdf']);
    rmSync(files[0]!);
    expect(await run()).toMatchObject({ succeeded: 1, unreadable: 1 });
    expect([lines.size, problems]).toEqual([1, [expect.stringContaining('a.pdf cannot be read')]]);
  });
});
