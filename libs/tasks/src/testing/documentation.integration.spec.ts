import { afterEach, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const page = readFileSync(new URL('../../../../docs/tasks.md', import.meta.url), 'utf8');
const register = fileURLToPath(new URL('./register.ts', import.meta.url));
const blocks = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, text = '']) => text);
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function blockWith(words: string): string {
  return blocks.find((text) => text.includes(words)) ?? '';
}

/** Runs the tests of these files with the command of the page, in a folder that has nothing else. */
function testAsDocumented(files: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'longshore-documented-'));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const command = /node (--import \S+register\.ts --test)/.exec(page)?.[1] ?? '';
  const parts = command.split(' ').map((part) => (part.endsWith('register.ts') ? register : part));
  const { NODE_OPTIONS: _options, ...env } = process.env;
  return spawnSync(process.execPath, parts, { cwd: folder, env, encoding: 'utf8' });
}

/** Says of the files of the page what the page says of them. */
const walkthrough = `
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runTask } from '@longshore/tasks';
import wordCount from './word-count.ts';
import tasks from './count-texts.ts';

const [split, sum] = tasks;
const text = 'to be or not to be';

test('is tried again while it is busy, and no more often than three times', async () => {
  for (const attempt of [1, 2]) {
    const run = await runTask(wordCount, { text, busy: 2 }, { attempt });
    assert.equal(run.error.code, 'busy');
    assert.ok(run.retryAfterMs > 0);
  }
  assert.deepEqual((await runTask(wordCount, { text, busy: 2 }, { attempt: 3 })).output, { words: 6 });
  assert.equal((await runTask(wordCount, { text, busy: 3 }, { attempt: 3 })).retryAfterMs, null);
});

test('has the group and the queue of its worker', () => {
  assert.deepEqual([wordCount.descriptor.group, wordCount.descriptor.queue], ['Texts', 'texts']);
});

test('fans out, and adds up what its children say', async () => {
  const run = await runTask(split, { texts: ['to be', 'or not to be', ''] });
  assert.deepEqual([run.outcome, run.then.task, run.maxParallel], ['fanned_out', 'sum_words', 4]);
  const children = [];
  for (const { key, task, input } of run.children) {
    assert.equal(task, wordCount.descriptor.name);
    const child = await runTask(wordCount, input);
    children.push(child.outcome === 'failed' ? { key, error: child.error } : { key, output: child.output });
  }
  const end = await runTask(sum, run.then.input, { children });
  assert.deepEqual(end.output, { words: 6, failed: 1 });
});
`;

const task = blockWith("name: 'word_count'");

it('docs/tasks.md shows a test of its task that runs as it says, with nothing installed beside it', () => {
  const { status, stdout } = testAsDocumented({
    'word-count.ts': task,
    'word-count.test.ts': blockWith("test('counts words'"),
  });
  expect(stdout).toContain('pass 2');
  expect(status).toBe(0);
});

it('docs/tasks.md shows a task that is retried, routed by the two lines it names, and a fan-out with what follows it', () => {
  const routing = /```js\n(\s*group: .*?)```/s.exec(page)?.[1] ?? '';
  const routed = task.replace(/( *description: .*\n)/, (line) => `${line}${routing}`);
  const { status, stdout } = testAsDocumented({
    'word-count.ts': routed,
    'count-texts.ts': blockWith('fanOut('),
    'walkthrough.test.ts': walkthrough,
  });
  expect(stdout).toContain('pass 3');
  expect(status).toBe(0);
});
