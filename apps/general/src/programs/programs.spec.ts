import { afterEach, describe, expect, it } from '@jest/globals';
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

it('example_containers reads what docker says', () => {
  const line = '{"ID":"1","Names":"a","Image":"b","State":"running","Status":"Up","Ports":""}';
  const container = { id: '1', name: 'a', image: 'b', state: 'running', status: 'Up' };
  expect(containersIn(`${line}\n\n${line}\n`)).toEqual([container, container]);
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
