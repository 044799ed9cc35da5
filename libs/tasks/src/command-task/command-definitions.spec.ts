import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@longshore/runtime';
import { z } from 'zod';
import { loadTaskFiles } from '../definition/load-task-files.ts';
import { processEnd } from '../isolation/isolated-runner.fixture.ts';
import { runTask } from '../testing/run-task.ts';
import type { CommandDefinition } from './command-definition.ts';
import { commandTask } from './command-task.ts';
import { findProgram } from './find-program.ts';
import { progressTeller } from './program-output.ts';
import { fileNameOf } from './scratch-folder.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function folderOf(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-commands-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

const good: CommandDefinition = { name: 'work', description: 'Works.', command: ['sh', '-c', 'cat >&3'] };

describe('the definition of a command', () => {
  it('makes a task that runs as a process and takes any object', () => {
    const { descriptor } = commandTask({ ...good, group: 'DevOps', queue: 'devops', memoryMb: 64 });
    expect(descriptor).toMatchObject({
      name: 'work',
      group: 'DevOps',
      queue: 'devops',
      isolation: 'process',
    });
    expect(descriptor.input_schema).toMatchObject({ type: 'object' });
    expect(commandTask(good).parse([])).toHaveProperty('problem');
  });

  it('tells a JSON Schema as it is written, and checks a zod schema as every task does', () => {
    const schema = { type: 'object', properties: { n: { $ref: '#/$defs/n' } }, $defs: { n: { minimum: 2 } } };
    const declared = commandTask({
      ...good,
      input: { $schema: 'http://json-schema.org/draft-07/schema#', ...schema },
    });
    expect(declared.descriptor.input_schema).toMatchObject(schema);
    expect(declared.parse({ n: 1 })).toEqual({ problem: 'n: must be >= 2' });
    const made = commandTask({ ...good, input: z.object({ n: z.number().default(3) }) });
    expect(made.parse({})).toEqual({ input: { n: 3 } });
  });

  it('fills in defaults without changing what it is given', () => {
    const task = commandTask({ ...good, input: { properties: { n: { default: 1 } } } });
    const given = {};
    expect([task.parse(given), given]).toEqual([{ input: { n: 1 } }, {}]);
  });

  it.each([
    [{ command: [] }, /command/],
    [{ command: 'ls -l' }, /command/],
    [{ command: ['ls', 7] }, /command/],
    [{ command: ['a\0b'] }, /NUL/],
    [{ env: { 'A B': 'x' } }, /no name of a variable/],
    [{ env: { LONGSHORE_RUN_ID: 'x' } }, /said by Longshore itself/],
    [{ passEnv: ['INTERNAL_SERVICE_API_KEY'] }, /never given to programs/],
    [{ result: 'maybe' }, /result/],
    [{ doNotRetryExitCodes: [0] }, /doNotRetryExitCodes/],
    [{ isolation: 'inline' }, /isolation/],
    [{ handler: () => 1 }, /one already/],
    [{ comand: ['ls'] }, /there is no key "comand", did you mean "command"\?/],
    [{ description: undefined }, /description: is missing/],
    [{ memoryMb: 1 }, /memoryMb/],
    [{ input: { type: 'objekt' } }, /no JSON Schema/],
    [{ input: 'text' }, /zod schema or a JSON Schema/],
  ])('that says %j is refused with what is wrong', (wrong, message) => {
    expect(() => commandTask({ ...good, ...wrong } as never)).toThrow(message);
  });
});

it('a command is told all that is wrong with it at once', () => {
  const wrong = { name: 'work', comand: ['ls'], maxAttempts: 0, input: { type: 'objekt' }, memoryMb: 'x' };
  expect(() => commandTask(wrong as never)).toThrow(
    /^The command task work is defined wrongly: (?=.*command: )(?=.*"comand", did you mean "command")(?=.*maxAttempts)(?=.*no JSON Schema)(?=.*memoryMb)(?=.*description: is missing)/,
  );
});

const QUIET = { logger: silentLogger(), share: () => undefined, probe: async () => undefined };

describe('a task file in YAML', () => {
  const command = (name: string) => `kind: command\nname: ${name}\ndescription: ''\ncommand: [ls]\n`;

  it('declares one command or several', async () => {
    const folder = await folderOf({
      'a.yaml': `${command('one')}---\n${command('two')}`,
      'b.yml': command('three'),
    });
    const { tasks, skipped } = await loadTaskFiles([folder], QUIET);
    expect([tasks.map(({ descriptor }) => descriptor.name), skipped]).toEqual([['one', 'two', 'three'], []]);
    expect(tasks[0]?.origin).toEqual({ file: join(folder, 'a.yaml'), folders: [folder] });
  });

  it.each([
    ['name: x', /From line 1: It has no kind/],
    ['kind: comand\nname: x', /Its kind is "comand"/],
    [`${command('one')}---\n\nkind: command\nname: two\ndescription: ''`, /From line 7: .*two.*command/],
    ['kind: command\nname: [', /line 2/],
    ['', /no task/],
    [
      `${command('one').replace('ls', '7')}---\n${command('two')}---\nkind: command\nname: three`,
      /From line 1: .*one.*\nFrom line 11: .*three/,
    ],
    ['- a list', /no kind/],
    ['just text', /no kind/],
  ])('that says %j is skipped with the line and the reason, and costs only its own', async (text, reason) => {
    const folder = await folderOf({ 'a.yaml': text, 'b.yaml': command('good') });
    const { tasks, skipped } = await loadTaskFiles([folder], QUIET);
    expect(tasks.map(({ descriptor }) => descriptor.name)).toEqual(['good']);
    expect(skipped).toEqual([{ file: join(folder, 'a.yaml'), reason: expect.stringMatching(reason) }]);
  });
});

describe('a command in a test', () => {
  it('runs where its file lies when it comes from a file, and its children end with it', async () => {
    const script = 'sleep 600 & echo "{\\"pid\\": $!, \\"folder\\": \\"$PWD\\"}" >&3';
    const folder = await folderOf({
      'a.mjs': `export default ({ commandTask }) => commandTask({ name: 'a', description: '', command: ['sh', '-c', ${JSON.stringify(script)}] })`,
    });
    const { tasks } = await loadTaskFiles([folder], QUIET);
    const run = await runTask(tasks[0]!, {});
    expect(run).toMatchObject({ outcome: 'succeeded', output: { folder } });
    const { pid } = (run as unknown as { output: { pid: number } }).output;
    await processEnd(pid);
  });

  it('ends when the signal of the test aborts', async () => {
    const task = commandTask({ ...good, command: ['sleep', '600'] });
    const run = await runTask(task, {}, { signal: AbortSignal.timeout(200) });
    expect(run).toMatchObject({ outcome: 'failed', error: { message: expect.stringContaining('timeout') } });
  });
});

describe('a line of progress', () => {
  it.each([
    ['12.5', [12.5]],
    ['{"percentage": 3}', [3, undefined, undefined]],
    ['{"message": "far", "data": {"n": 1}}', [null, 'far', { n: 1 }]],
    ['{"percentage": "3"}', [null, undefined, undefined]],
  ])('%s is told', (line, told) => {
    const calls: unknown[][] = [];
    const log = { debug: fail, info: fail, warn: fail, error: fail };
    progressTeller({ log, progress: (...its) => void calls.push(its) })(line);
    expect(calls).toEqual([told]);
  });

  it('that is none is complained about once', () => {
    const complaints: unknown[] = [];
    const log = {
      debug: fail,
      info: fail,
      error: fail,
      warn: (_: string, its?: object) => void complaints.push(its),
    };
    const tell = progressTeller({ log, progress: fail });
    for (const line of ['', 'half', '[1]', 'null', '"x"']) tell(line);
    expect(complaints).toEqual([{ line: 'half' }]);
  });
});

function fail(): never {
  throw new Error('This is not to be called');
}

describe('the name of a file of a run', () => {
  it.each([
    ['invoice.pdf', 'invoice.pdf'],
    ['../../etc/passwd', '.._.._etc_passwd'],
    ['..', 'file'],
    ['a\0b\nc', 'a_b_c'],
    [`${'x'.repeat(300)}.pdf`, `${'x'.repeat(76)}.pdf`],
  ])('%j is kept as %j', (name, kept) => {
    expect(fileNameOf(name)).toBe(kept);
  });
});

it('a program is found in absolute folders of PATH alone, and only when it may be executed', async () => {
  const folder = await folderOf({ tool: '#!/bin/sh' });
  const find = (path: string) => findProgram('tool', { cwd: folder, path });
  await expect(find(`.:${folder}`)).rejects.toMatchObject({ code: 'program_missing', retryable: false });
});
