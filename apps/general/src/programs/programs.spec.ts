import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTask } from '@longshore/tasks';
import { containers, containersIn } from './containers.ts';
import { diskSpace, fileSystemsIn } from './disk-space.ts';
import { submissionTest } from './submission-test.ts';
import { tableSizes } from './table-sizes.ts';

const { PATH } = process.env;

afterEach(() => {
  process.env['PATH'] = PATH;
  delete process.env['SUBMISSION_TEST_COMMANDS'];
});

describe.each([
  ['df', diskSpace],
  ['docker', containers],
  ['psql', tableSizes],
])('a task that needs %s', (program, task) => {
  it('says so where it is missing, and is not tried again', async () => {
    process.env['PATH'] = '/nowhere';
    expect(await runTask(task, {})).toMatchObject({
      error: {
        code: 'program_missing',
        message: expect.stringContaining(`The program ${program} is not on`),
      },
      retryAfterMs: null,
    });
  });
});

describe('example_disk_space', () => {
  it('tells of the file systems of this machine', async () => {
    expect(await runTask(diskSpace, {})).toMatchObject({
      outcome: 'succeeded',
      output: { file_systems: expect.arrayContaining([expect.objectContaining({ mounted_on: '/' })]) },
    });
  });

  it('fails when one of them is fuller than it may be, and tells of them all the same', async () => {
    const run = await runTask(diskSpace, { most_percent: 1 });
    expect(run).toMatchObject({ error: { code: 'disk_full' }, output: { file_systems: expect.any(Array) } });
  });

  it('reads what df says, names with spaces included', () => {
    const text = `Filesystem 1024-blocks Used Available Capacity Mounted on
/dev/sda1 100 25 75 25% /
map auto_home 0 0 0 100% /System/Volumes/Data/my home
broken - - - - /proc`;
    expect(fileSystemsIn(text)).toEqual([
      { mounted_on: '/', size_kib: 100, free_kib: 75, used_percent: 25 },
      { mounted_on: '/System/Volumes/Data/my home', size_kib: 0, free_kib: 0, used_percent: 100 },
    ]);
  });
});

describe('example_containers', () => {
  const line = '{"ID":"1","Names":"a","Image":"b","State":"running","Status":"Up","Ports":""}';
  const container = { id: '1', name: 'a', image: 'b', state: 'running', status: 'Up' };
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'longshore-programs-'));
    process.env['PATH'] = folder;
    process.env['DOCKER_HOST'] = 'unix:///engine';
  });
  afterEach(() => {
    delete process.env['DOCKER_HOST'];
    rmSync(folder, { recursive: true });
  });

  /** No Docker: a script that writes down what it is asked, and does what the test says. It finds no program beside the shell's own. */
  function standIn(act: string) {
    const path = join(folder, 'docker');
    const asked = join(folder, 'asked');
    writeFileSync(path, `#!/bin/sh\nprintf '%s\\n' "$DOCKER_HOST" "$@" > '${asked}'\n${act}\n`);
    chmodSync(path, 0o755);
    return { asked: () => readFileSync(asked, 'utf8').trimEnd().split('\n') };
  }

  it('reads what docker says', () => {
    expect(containersIn(`${line}\n\n${line}\n`)).toEqual([container, container]);
  });

  it.each([
    [{}, []],
    [{ all: true }, ['--all']],
  ])(
    'asks the engine of the worker, with %j, and tells what docker (a stand-in) answers',
    async (input, flags) => {
      const docker = standIn(`printf '%s\\n' '${line}'`);
      expect(await runTask(containers, input)).toMatchObject({
        outcome: 'succeeded',
        output: { containers: [container] },
      });
      const listing = ['ps', '--no-trunc', '--format', '{{json .}}'];
      expect(docker.asked()).toEqual(['unix:///engine', ...listing, ...flags]);
    },
  );

  it('has none where docker (a stand-in) names none', async () => {
    standIn('exit 0');
    expect(await runTask(containers, {})).toMatchObject({ outcome: 'succeeded', output: { containers: [] } });
  });

  it('fails with the last words of docker (a stand-in), and is tried again', async () => {
    standIn('echo "Cannot connect to the Docker daemon" >&2; exit 1');
    expect(await runTask(containers, {})).toMatchObject({
      error: {
        code: 'docker_failed',
        message: expect.stringContaining('Cannot connect to the Docker daemon'),
      },
      retryAfterMs: expect.any(Number),
    });
  });
});

describe('submission_test', () => {
  const files = { 'src/sum.mjs': 'export const sum = (a, b) => a - b;' };

  it('runs a command of the operator on the files, and says whether it passed', async () => {
    process.env['SUBMISSION_TEST_COMMANDS'] = 'has=test -f src/sum.mjs; same=grep -c a+b src/sum.mjs';
    expect(await runTask(submissionTest, { test: 'has', files })).toMatchObject({
      output: { passed: true, exit_code: 0, output: '' },
    });
    expect(await runTask(submissionTest, { test: 'same', files })).toMatchObject({
      output: { passed: false, exit_code: 1, output: '0' },
      logs: [{ message: '0' }],
    });
  });

  it('says which commands there are, and what to set where there are none', async () => {
    const run = () => runTask(submissionTest, { test: 'make', files });
    expect(await run()).toMatchObject({
      error: { code: 'no_test_command', message: expect.stringContaining('set SUBMISSION_TEST_COMMANDS') },
    });
    process.env['SUBMISSION_TEST_COMMANDS'] = 'unit=node --test;lint=true';
    expect(await run()).toMatchObject({
      error: { message: expect.stringContaining('there are unit, lint') },
    });
  });

  it.each(['../x', '/etc/x', 'a/../../x', '.', 'a\0b'])('refuses a file at %j', async (path) => {
    process.env['SUBMISSION_TEST_COMMANDS'] = 'unit=true';
    expect(await runTask(submissionTest, { test: 'unit', files: { [path]: '' } })).toMatchObject({
      error: { code: 'bad_path' },
    });
  });
});
