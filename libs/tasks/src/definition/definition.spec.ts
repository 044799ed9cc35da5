import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { createLogger, silentLogger } from '@longshore/runtime';
import { z } from 'zod';
import type { Task } from './define-task.ts';
import { defineTask, withOrigin } from './define-task.ts';
import { loadTaskFiles } from './load-task-files.ts';
import { createTaskSet, TaskSetError } from './task-set.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function task(name: string, group?: string): Task {
  return defineTask({
    name,
    description: '',
    input: z.unknown(),
    handler: () => name,
    ...(group && { group }),
  });
}

function listening() {
  const lines: { level: string; message: string; [field: string]: unknown }[] = [];
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(JSON.parse(chunk.toString()) as (typeof lines)[number]);
      done();
    },
  });
  return { logger: createLogger({ worker: 'test', level: 'debug', destination }), lines };
}

describe('a task', () => {
  it('has defaults for all that it does not say', () => {
    expect(task('work').descriptor).toEqual({
      name: 'work',
      group: 'General',
      queue: 'default',
      description: '',
      input_schema: expect.any(Object),
      max_attempts: 3,
      soft_limit_ms: 3_300_000,
      hard_limit_ms: 3_600_000,
      isolation: 'inline',
    });
  });

  it('tells its input as JSON Schema, what callers may leave out included', () => {
    const input = z.object({ duration: z.number().default(10), when: z.date().optional() });
    const { descriptor } = defineTask({ name: 'work', description: '', input, handler: () => null });
    expect(descriptor.input_schema).toMatchObject({
      type: 'object',
      properties: { duration: { type: 'number', default: 10 } },
    });
    expect(descriptor.input_schema['required'] ?? []).toEqual([]);
  });

  it('does not compile without a handler, and does not start', () => {
    // @ts-expect-error the handler is missing
    expect(() => defineTask({ name: 'work', description: '', input: z.unknown() })).toThrow(/no handler/);
  });

  it('gives its handler the input in the type of its schema', () => {
    const input = z.object({ n: z.number() });
    const made = defineTask({ name: 'work', description: '', input, handler: ({ n }) => n.toFixed(1) });
    expect(made.parse({ n: 1 })).toEqual({ input: { n: 1 } });
    expect(made.parse({ n: 'x' })).toEqual({ problem: expect.stringMatching(/^n: /) });
  });

  it.each(['with space', 'a:b', '', '1st', 'x'.repeat(101)])('cannot be called "%s"', (name) => {
    expect(() => task(name)).toThrow(/defined wrongly/);
  });

  const good = { name: 'work', description: '', input: z.unknown(), handler: () => null };

  it.each([
    [{ description: undefined }, /description: is missing/],
    [{ maxAttemps: 2 }, /there is no key "maxAttemps", did you mean "maxAttempts"\?/],
    [{ colour: 'red' }, /there is no key "colour"$/],
    [{ maxAttempts: 0 }, /maxAttempts/],
    [{ maxAttempts: 2.5 }, /maxAttempts/],
    [{ backoff: { baseMs: -1, capMs: 1 } }, /backoff\.baseMs/],
    [{ backoff: { baseMs: 10, capMs: 5 } }, /capMs is below baseMs/],
    [{ backoff: { baseMs: 1, capMs: 5, factor: 0.5 } }, /backoff\.factor/],
    [{ backoff: { baseMs: 1, capMs: 5, jitter: 2 } }, /backoff\.jitter/],
    [{ retryIf: 'always' }, /retryIf: must be a function/],
    [{ softLimitMs: 2_000, hardLimitMs: 1_000 }, /softLimitMs: lies behind the hard limit/],
    [{ hardLimitMs: Infinity }, /hardLimitMs/],
    [{ hardLimitMs: 10 ** 12 }, /hardLimitMs/],
    [{ memoryMb: 512 }, /memoryMb: only the isolations "thread" and "process"/],
    [{ isolation: 'process', memoryMb: 1 }, /memoryMb/],
    [{ isolation: 'container' }, /isolation/],
    [{ input: {} }, /no zod schema/],
    [{ handler: 'run' }, /no handler/],
  ])('defined with %j is refused with what is wrong', (wrong, message) => {
    expect(() => defineTask({ ...good, ...wrong } as never)).toThrow(message);
  });

  it('is told all that is wrong with it at once', () => {
    const wrong = { ...good, maxAttempts: 0, hardLimitMs: -1, queue: 'a b', handlr: 1, memoryMb: 64 };
    expect(() => defineTask({ ...wrong, handler: 1, input: 'text' } as never)).toThrow(
      /^The task work is defined wrongly: (?=.*maxAttempts)(?=.*hardLimitMs)(?=.*queue)(?=.*"handlr", did you mean "handler")(?=.*memoryMb: only)(?=.*no handler)(?=.*no zod schema)/,
    );
    const input = z.object({ a: z.string() });
    const limits = (['b', 'c'] as const).map((field) => ({ per: `input.${field}`, concurrency: 1 }) as const);
    expect(() => defineTask({ ...good, input, limits })).toThrow(/no field "b"; limits: .*no field "c"/);
  });

  it('is no task without a definition', () => {
    expect(() => defineTask(undefined as never)).toThrow(TypeError);
  });

  it('has a soft limit in time before its hard limit, where it only says the latter', () => {
    expect(defineTask({ ...good, hardLimitMs: 120_000 }).descriptor.soft_limit_ms).toBe(110_000);
    expect(defineTask({ ...good, hardLimitMs: 1 }).descriptor.soft_limit_ms).toBe(1);
  });

  it('whose schema cannot be told is refused by name', () => {
    const input = z.object({
      get broken(): z.ZodType {
        throw new Error('no schema');
      },
    });
    expect(() => defineTask({ ...good, input })).toThrow(/work.*no schema/);
  });
});

describe('the tasks of a worker', () => {
  it('are all of them without a filter, with a line that says which', () => {
    const { logger, lines } = listening();
    const set = createTaskSet({ tasks: [task('a'), task('b')], groups: [], logger });
    expect(set.names).toEqual(['a', 'b']);
    expect(lines.map(({ message }) => message)).toEqual(['Loaded 2 tasks: [a, b]']);
  });

  it('are those of the groups that are asked for', () => {
    const { logger, lines } = listening();
    const tasks = [task('a', 'DevOps'), task('b'), task('c', 'Database')];
    const set = createTaskSet({ tasks, groups: ['DevOps', 'Database'], logger });
    expect(set.names).toEqual(['a', 'c']);
    expect(set.get('b')).toBeUndefined();
    expect(lines.map(({ message }) => message)).toEqual([
      'Filtered to groups: [DevOps, Database]',
      'Loaded 2 tasks: [a, c]',
    ]);
  });

  it('are refused when two have one name, with where both come from', () => {
    const from = (file: string) => withOrigin(task('a'), { file, folders: [] });
    const set = (tasks: Task[]) => () => createTaskSet({ tasks, groups: [], logger: silentLogger() });
    expect(set([task('a'), task('a')])).toThrow(TaskSetError);
    expect(set([from('/x/a.ts'), from('/y/b.mjs')])).toThrow('in /x/a.ts and in /y/b.mjs: rename one');
    expect(set([task('a'), from('/y/b.mjs')])).toThrow('in the worker itself and in /y/b.mjs');
  });

  it.each(['thread', 'process'] as const)(
    'have isolation "%s" only when they come from a file',
    (isolation) => {
      const isolated = defineTask({
        name: 'a',
        description: '',
        input: z.unknown(),
        isolation,
        handler: () => null,
      });
      const set = (tasks: Task[]) => createTaskSet({ tasks, groups: [], logger: silentLogger() });
      expect(() => set([isolated])).toThrow(isolation);
      const fromFile = withOrigin(isolated, { file: '/tasks/a.ts', folders: ['/tasks'] });
      expect(set([fromFile]).get('a')).toBe(fromFile);
    },
  );
});

/** Sharing modules is for a process of its own, which apps/general proves; so is loading files that do harm. */
const QUIET = { logger: silentLogger(), share: () => undefined, probe: async () => undefined };

describe('task files', () => {
  async function folder(files: Record<string, string>): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'longshore-tasks-'));
    cleanups.push(() => rm(path, { recursive: true }));
    for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content);
    return path;
  }
  const made = (name: string) =>
    `({ defineTask, z }) => defineTask({ name: '${name}', description: '', input: z.object({}), handler: () => 1 })`;

  it('export a function that makes a task, or several, with what it is given', async () => {
    const path = await folder({
      'b.mjs': `export default ${made('from.mjs')}`,
      'a.mjs': `export default (means) => [(${made('one')})(means), (${made('two')})(means)]`,
    });
    const { tasks } = await loadTaskFiles([path], QUIET);
    expect(tasks.map(({ descriptor }) => descriptor.name)).toEqual(['one', 'two', 'from.mjs']);
  });

  it('that do not load are told and skipped; the others load', async () => {
    const { logger, lines } = listening();
    const path = await folder({
      'broken.mjs': 'export default (',
      'empty.mjs': 'export const nothing = 1',
      'good.mjs': `export default ${made('good')}`,
      'throws.mjs': 'throw new Error("no")',
      'notes.md': 'not a task',
      'good.spec.mjs': 'throw new Error("a test is no task")',
    });
    const { tasks, skipped } = await loadTaskFiles([path], { ...QUIET, logger });
    expect(tasks.map(({ descriptor }) => descriptor.name)).toEqual(['good']);
    const told = lines.filter(({ message }) => message === 'task file skipped').map(({ file }) => file);
    expect(told).toEqual(['broken.mjs', 'empty.mjs', 'throws.mjs'].map((name) => join(path, name)));
    expect(skipped.map(({ file }) => file)).toEqual(told);
    expect(skipped.map(({ reason }) => reason).slice(1)).toEqual([
      expect.stringContaining('does not export a task'),
      'no',
    ]);
  });

  it('are tried all at once, and loaded and told of in the order of their names', async () => {
    const { logger, lines } = listening();
    const path = await folder({
      ...{
        'a.mjs': `export default ${made('a')}`,
        'b.mjs': '',
        'c.mjs': '',
        'd.mjs': `export default ${made('d')}`,
      },
    });
    const tried = new Map<string, () => void>();
    const { promise: allTried, resolve } = Promise.withResolvers<void>();
    const loading = loadTaskFiles([path], {
      ...{ ...QUIET, logger },
      probe: async (file) => {
        await new Promise<void>((done) => {
          tried.set(file.slice(-5), done);
          if (tried.size === 4) resolve();
        });
        if (/[bc]\.mjs$/.test(file)) throw new Error(`refused ${file.slice(-5)}`);
      },
    });
    await allTried;
    for (const answer of ['d.mjs', 'c.mjs', 'b.mjs', 'a.mjs']) tried.get(answer)!();
    const { tasks, skipped } = await loading;
    expect(tasks.map(({ descriptor }) => descriptor.name)).toEqual(['a', 'd']);
    expect(skipped.map(({ reason }) => reason)).toEqual(['refused b.mjs', 'refused c.mjs']);
    expect(lines).toHaveLength(2);
  });

  it('may lie in several folders', async () => {
    const [one, two] = [
      await folder({ 'a.mjs': `export default ${made('a')}` }),
      await folder({ 'b.mjs': `export default ${made('b')}` }),
    ];
    const { tasks } = await loadTaskFiles([two, one, two], QUIET);
    expect(tasks.map(({ descriptor }) => descriptor.name)).toEqual(['b', 'a']);
  });

  it('need not be there', async () => {
    const { logger, lines } = listening();
    const { tasks, skipped } = await loadTaskFiles(['/nowhere/at/all'], { ...QUIET, logger });
    expect(tasks).toEqual([]);
    expect(skipped).toEqual([{ file: '/nowhere/at/all', reason: expect.stringContaining('ENOENT') }]);
    expect(lines).toMatchObject([{ level: 'error', message: 'task folder cannot be read' }]);
  });
});
