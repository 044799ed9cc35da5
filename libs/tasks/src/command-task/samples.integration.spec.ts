import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tasksOfFile } from '../definition/task-file.ts';
import { runTask } from '../testing/run-task.ts';

const samples = fileURLToPath(new URL('../../../../samples/tasks', import.meta.url));
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'longshore-samples-'));
  const filter = (path: string) => !path.endsWith('.venv');
  cpSync(samples, folder, { recursive: true, filter });
});
afterEach(() => {
  delete process.env['RELEASES_DIR'];
  rmSync(folder, { recursive: true });
});

async function sample(file: string) {
  const [task] = await tasksOfFile(join(folder, file));
  if (task === undefined) throw new Error(`${file} declares no task`);
  return task;
}

describe('the samples of task files', () => {
  it('run Python in an environment of its own', async () => {
    const environment = join(folder, 'data-science/.venv');
    execFileSync('python3', ['-m', 'venv', '--without-pip', environment]);
    const task = await sample('data-science/word-frequencies.yaml');
    const run = await runTask(task, { text: 'Zoë, ZOË ✓ one', most: 1 });
    expect(run).toMatchObject({ outcome: 'succeeded', output: { words: { zoë: 2 }, environment } });
    expect(run.logs).toMatchObject([{ message: '3 words in attempt 1' }]);
    expect(run.progress).toMatchObject([{ percentage: 50, message: 'counting' }]);
    expect(await runTask(task, { text: '' })).toMatchObject({
      error: { message: expect.stringContaining('The text has no words') },
      retryAfterMs: null,
    });
  });

  it('say what is missing when the environment was not made', async () => {
    const task = await sample('data-science/word-frequencies.yaml');
    expect(await runTask(task, { text: '' })).toMatchObject({
      error: { code: 'program_missing', message: expect.stringContaining('data-science/.venv/bin/python') },
    });
  });

  it('fit a line', async () => {
    const task = await sample('machine-learning/fit-line.yaml');
    const points = [
      [0, 1],
      [1, 3],
    ];
    expect(await runTask(task, { points })).toMatchObject({ output: { slope: 2, intercept: 1 } });
    expect(await runTask(task, { points: [points[0], points[0]] })).toMatchObject({ retryAfterMs: null });
  });

  it('announce a release once, however often it is tried', async () => {
    const task = await sample('production/announce-release.yaml');
    const releases = mkdtempSync(join(folder, 'releases-'));
    expect(await runTask(task, { version: '1.2.3' })).toMatchObject({
      error: { message: expect.stringContaining('RELEASES_DIR is not set') },
    });
    process.env['RELEASES_DIR'] = releases;
    for (const attempt of [1, 2]) await runTask(task, { version: '1.2.3' }, { id: 'key', attempt });
    expect(readdirSync(releases)).toEqual(['key.json']);
    expect(readFileSync(join(releases, 'key.json'), 'utf8')).toBe('{"version":"1.2.3"}\n');
    expect(await runTask(task, { version: '1; rm' })).toMatchObject({ error: { code: 'invalid_input' } });
  });
});
