import { execFile } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  cleanUp,
  type Ready,
  runCommand,
  spawnCommand,
  startUp,
  temporaryHome,
} from '../running-command.fixture.ts';

const LIMIT_MS = 120_000;
jest.setTimeout(LIMIT_MS);
const DOCUMENTS = `
kind: workflow
name: letters
steps: [{ read: {} }, { extract: { fields: { total: { type: number, label: Total } } } }]
---
kind: deployment
api_name: letters
workflow: letters
`;

let home: string;
let folder: string;
let ready: Ready;
let told: { err: string };

/** One platform for all: what is asked of it does not depend on what others did. */
beforeAll(async () => {
  home = temporaryHome();
  folder = temporaryHome();
  mkdirSync(join(folder, 'inbox'));
  for (const name of ['one', 'two'])
    writeFileSync(join(folder, 'inbox', `${name}.txt`), `${name}\nTotal: 5\n`);
  writeFileSync(join(folder, 'broken.pdf'), '%PDF-1.7 cut off');
  writeFileSync(join(folder, 'letters.yaml'), DOCUMENTS);
  writeFileSync(join(folder, 'data.json'), '{"customer": 17}');
  mkdirSync(join(folder, 'tasks'));
  writeFileSync(join(folder, 'tasks', 'task.ts'), 'export default 5;');
  const env = { TASKS_DIR: `${join(folder, 'tasks')},${join(folder, 'absent')}` };
  const up = await startUp([], { home, env });
  ({ ready, told } = up);
  await run('apply', '-f', 'letters.yaml');
}, LIMIT_MS);
afterAll(cleanUp, LIMIT_MS);

async function run(...args: string[]) {
  return await runCommand(args, { home, cwd: folder });
}

async function submitted(...args: string[]): Promise<string> {
  const { out, err, code } = await run('submit', 'letters', ...args);
  expect({ err, code }).toEqual({ err: '', code: 0 });
  return out.trim();
}

describe('longshore submit', () => {
  it('sends what a pattern matches, with its tag, data and key, once', async () => {
    const options = ['--tag', 'spring', '--custom-data', 'data.json', '--idempotency-key', 'first'];
    const id = await submitted('inbox/*.txt', ...options);
    await expect(submitted('inbox/*.txt', ...options)).resolves.toBe(id);
    const { out } = await run('executions', '--tag', 'spring', '--json');
    expect(JSON.parse(out).executions).toMatchObject([
      { execution_id: id, total_files: 2, tags: ['spring'] },
    ]);
  });

  it('sends nothing and names every file that is missing', async () => {
    const answer = await run(
      'submit',
      'letters',
      'inbox/one.txt',
      'nope.txt',
      'inbox',
      '*.docx',
      '--tag',
      'never',
    );
    expect(answer).toEqual({
      code: 2,
      out: '',
      err: `Nothing was sent: no file matches *.docx; there is no file nope.txt; inbox is no file: name the files in it, as in ${join('inbox', '*.pdf')}.\n`,
    });
    const { out } = await run('executions', '--tag', 'never');
    expect(out).toMatch(/^There is no such execution: /);
  });

  it.each([
    [['--custom-data', '[1]'], 'neither a JSON object nor a file'],
    [['--custom-data', '{'], 'cannot be read as JSON'],
    [['--tag', '1st'], 'A tag is a letter'],
    [['--timeout', '301'], 'a duration from 0s to 300s'],
    [['--timeout', '5', '--wait'], 'give one of them'],
  ])('refuses %j as a wrong command line', async (options, words) => {
    const { code, err } = await run('submit', 'letters', 'inbox/one.txt', ...options);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(words) });
  });

  it('lets the deployment wait, and tells that it goes on where that was too short', async () => {
    const ended = await run(
      'submit',
      'letters',
      'inbox/one.txt',
      '--timeout',
      '60',
      '--include-metadata',
      '--json',
    );
    const answer = JSON.parse(ended.out);
    expect(ended.code).toBe(0);
    expect(answer).toMatchObject({
      execution_status: 'COMPLETED',
      result: [{ result: { output: { total: 5 } } }],
    });
    expect(answer.result[0].result.metadata).toBeDefined();
    const short = await run('submit', 'letters', 'inbox/one.txt', '--timeout', '0');
    expect(short).toMatchObject({ code: 5, err: expect.stringContaining('goes on') });
    const failed = await run('submit', 'letters', 'broken.pdf', '--timeout', '60');
    expect(failed).toMatchObject({ code: 1, err: expect.stringContaining('ended as ERROR') });
  });

  it('follows what is said until the end, and keeps the result apart', async () => {
    const { out, err, code } = await run(
      'submit',
      'letters',
      'inbox/one.txt',
      '--follow',
      '--include-extracted-text',
      '--json',
    );
    expect(code).toBe(0);
    expect(err).toContain('ok one.txt');
    expect(JSON.parse(out)).toMatchObject({
      status: 'COMPLETED',
      result: [{ extracted_text: 'one\nTotal: 5\n' }],
    });
  });
});

describe('longshore result and executions', () => {
  let id: string;
  beforeAll(async () => {
    const waited = await run(
      'submit',
      'letters',
      'inbox/one.txt',
      'inbox/two.txt',
      'broken.pdf',
      '--wait',
      '--json',
    );
    id = JSON.parse(waited.out).execution_id;
  }, LIMIT_MS);

  it('read the result as often as wanted, whole, by file, as text and into a file', async () => {
    for (let times = 0; times < 2; times += 1) {
      const { out } = await run('result', id, '--json');
      expect(JSON.parse(out)).toMatchObject([{ file: 'one.txt' }, { file: 'two.txt' }, { status: 'Failed' }]);
    }
    expect(JSON.parse((await run('result', id, '--file', 'two.txt')).out)).toEqual({ total: 5 });
    expect((await run('result', id, '--file', 'two.txt', '--text')).out).toContain('two\nTotal: 5');
    const into = await run('result', id, '-o', 'found.json');
    expect(into).toMatchObject({ code: 0, out: '', err: 'Wrote 3 results to found.json.\n' });
    expect(JSON.parse(readFileSync(join(folder, 'found.json'), 'utf8'))).toHaveLength(3);
    expect((await run('result', id)).out).toMatch(/FILE .*total[^]*1 file failed:\n {2}broken.pdf: /);
  });

  it('say what is not there', async () => {
    expect(await run('result', id, '--file', 'none.txt')).toMatchObject({
      code: 1,
      err: 'The execution has no file none.txt; it has one.txt, two.txt, broken.pdf.\n',
    });
    expect(await run('result', id, '--file', 'broken.pdf')).toMatchObject({ code: 1, out: '' });
    expect(await run('result', id, '-o', 'no/such/folder')).toMatchObject({ code: 1 });
    expect(await run('result', 'what')).toMatchObject({ code: 2 });
    const unknown = await run('result', '019a0000-0000-7000-8000-000000000000');
    expect(unknown).toMatchObject({ code: 1, err: 'The platform refused: No such execution.\n' });
  });

  it('list page after page, by filters that must all hold', async () => {
    const whole = JSON.parse((await run('executions', 'list', '--json', '--limit', '3')).out);
    const first = JSON.parse((await run('executions', 'list', '--json', '--limit', '1')).out);
    const rest = await run('executions', 'list', '--json', '--limit', '2', '--cursor', first.next_cursor);
    expect([...first.executions, ...JSON.parse(rest.out).executions]).toEqual(whole.executions);
    const filters = ['--api-name', 'letters', '--status', 'COMPLETED', '--since', '1h', '--search', 'broken'];
    const found = JSON.parse((await run('executions', ...filters, '--json')).out).executions;
    expect(found.map((one: { execution_id: string }) => one.execution_id)).toContain(id);
    expect((await run('executions', '--since', 'yesterday')).code).toBe(2);
    expect((await run('executions', '--until', '2001-01-01')).out).toMatch(/^There is no such execution: /);
  });

  it('show files, attempts, workers and errors of one', async () => {
    const { out } = await run('executions', 'show', id);
    expect(out).toContain('default/letters, workflow version 1');
    expect(out).toContain('3: 2 succeeded, 1 failed');
    expect(out).toMatch(/one\.txt +\d+ B +succeeded +\S+ \S+ +1 +file-processing-/);
    expect(out).toMatch(/Errors:\n {2}broken\.pdf: /);
    expect(JSON.parse((await run('executions', 'show', id, '--json')).out).files).toHaveLength(3);
  });
});

describe('longshore organisations', () => {
  it('creates, changes and lists', async () => {
    expect((await run('organisations', 'create', 'acme', '--weight', '2')).out).toContain(
      'Created acme: weight 2',
    );
    expect(await run('organisations', 'create', 'acme')).toMatchObject({
      code: 1,
      err: 'There is an organisation acme already.\n',
    });
    expect((await run('organisations', 'update', 'acme', '--max-parallel-files', '3')).code).toBe(0);
    const { out } = await run('organisations', '--json');
    expect(JSON.parse(out).organisations).toMatchObject([
      { name: 'acme', weight: 2, max_parallel_files: 3 },
      { name: 'default', weight: 1 },
    ]);
    expect((await run('organisations', 'update', 'acme')).code).toBe(2);
    expect((await run('organisations', 'create', 'no name')).code).toBe(2);
  });
});

it('longshore up tells task files that were skipped, and a folder that is not there', () => {
  expect(told.err).toContain(`TASKS_DIR names ${join(folder, 'absent')}, and there is no such folder`);
  expect(told.err).toContain(`The task file ${join(folder, 'tasks', 'task.ts')} was not loaded: `);
});

describe('longshore doctor', () => {
  it('finds the task files of a platform that is else well', async () => {
    const { code, out } = await run('doctor', '--json');
    const { healthy, findings } = JSON.parse(out) as {
      healthy: boolean;
      findings: { state: string; check: string }[];
    };
    const wrong = findings.filter(({ state, check }) => state === 'wrong' && check !== 'disk');
    expect({ code, healthy, wrong: wrong.map(({ check }) => check) }).toEqual({
      code: 1,
      healthy: false,
      wrong: ['task files', 'task files'],
    });
    const checks = findings.filter(({ state }) => state === 'ok').map(({ check }) => check);
    expect(checks).toEqual(
      expect.arrayContaining(['database', 'clocks', 'broker', 'keys', 'health', 'queues']),
    );
  });

  it('finds a wrong key, nobody at the address, and wrong settings', async () => {
    const key = await run('doctor', '--url', ready.url, '--admin-key', 'lsk_adm_0123456789abcdef');
    expect(key).toMatchObject({ code: 1, out: expect.stringContaining('the admin key was refused') });
    const nobody = await run(
      'doctor',
      '--url',
      'http://127.0.0.1:9',
      '--admin-key',
      'lsk_adm_0123456789abcdef',
    );
    expect(nobody).toMatchObject({ code: 1, out: expect.stringContaining('No Longshore answers') });
    const settings = await runCommand(['doctor'], {
      home,
      env: { BROKER_URL: 'amqp://x', LOG_LEVEL: 'loud' },
    });
    expect(settings).toMatchObject({ code: 1, out: expect.stringContaining('BROKER_URL names RabbitMQ') });
  });
});

describe('exit codes', () => {
  it.each([
    [2, ['nonsense']],
    [2, ['executions', '--nonsense']],
    [3, ['queues', '--url', 'http://127.0.0.1:9', '--admin-key', 'lsk_adm_0123456789abcdef']],
    [4, ['queues', '--url', 'http://127.0.0.1:9']],
    [0, ['help']],
    [0, ['keys', 'list', '--help']],
  ])('%i of longshore %j', async (code, args) => {
    expect((await run(...args)).code).toBe(code);
  });

  it('4 where the key is refused', async () => {
    expect((await run('queues', '--admin-key', 'lsk_adm_0123456789abcdef')).code).toBe(4);
  });

  it.each(['keys list', 'executions --json', 'workers', 'audit', '--help', 'completion bash'])(
    '0 when nobody reads what longshore %s writes',
    async (command) => {
      const main = join(import.meta.dirname, '..', 'main.ts');
      const script = `"${process.execPath}" "${main}" ${command} | true; exit \${PIPESTATUS[0]}`;
      const env = { PATH: process.env['PATH'], LONGSHORE_HOME: home };
      const code = await new Promise((resolve) => {
        execFile('bash', ['-c', script], { env }, (error) => resolve(error?.code ?? 0));
      });
      expect(code).toBe(0);
    },
  );
});

describe('longshore run', () => {
  const linesIn = (name: string) =>
    readFileSync(join(folder, name), 'utf8')
      .trimEnd()
      .split('\n')
      .map(
        (line) => JSON.parse(line) as { file: string; status: string; output: unknown; execution_id: string },
      );

  it('killed in the middle and run again, gives each file one line and processes it once', async () => {
    mkdirSync(join(folder, 'batch'));
    const files = Array.from({ length: 40 }, (_, index) => `batch/${String(index).padStart(2, '0')}.txt`);
    for (const [index, file] of files.entries()) writeFileSync(join(folder, file), `Total: ${index}\n`);
    writeFileSync(join(folder, 'totals.yaml'), DOCUMENTS.split('---')[0]!.replace('letters', 'totals'));
    const args = [
      'run',
      '-w',
      'totals.yaml',
      'batch',
      'broken.pdf',
      '-o',
      'results.jsonl',
      '--parallel',
      '4',
    ];
    const first = spawnCommand(args, { home, cwd: folder });
    const results = join(folder, 'results.jsonl');
    while (!existsSync(results) || readFileSync(results, 'utf8').split('\n').length < 8)
      await new Promise((done) => setImmediate(done));
    first.child.kill('SIGKILL');
    await first.ended;
    const before = linesIn('results.jsonl').length;
    expect(before).toBeLessThan(41);
    // As if it had been killed within a line.
    appendFileSync(results, '{"file":"batch/39.t');
    const second = await run(...args, '--json');
    expect({ code: second.code, summary: JSON.parse(second.out) }).toMatchObject({
      code: 1,
      summary: { files: 41, succeeded: 40, failed: 1, left: 0 },
    });
    expect(second.err).toContain('failed: broken.pdf: ');
    const lines = linesIn('results.jsonl');
    expect(lines.map(({ file }) => file).toSorted()).toEqual([...files, 'broken.pdf'].toSorted());
    expect(lines.find(({ file }) => file === 'batch/17.txt')!.output).toEqual({ total: 17 });
    const { out } = await run('executions', '--api-name', 'run-totals', '--limit', '100', '--json');
    const executions = (JSON.parse(out) as { executions: { execution_id: string }[] }).executions;
    expect(executions.map(({ execution_id: id }) => id).toSorted()).toEqual(
      lines.map(({ execution_id: id }) => id).toSorted(),
    );
    const third = await run(...args);
    expect(third).toMatchObject({ code: 1, out: expect.stringContaining('41 of them before') });
    expect(linesIn('results.jsonl')).toHaveLength(41);
  });

  it('finishes what is under way when it is interrupted, and says that files are left', async () => {
    const args = [
      'run',
      '--deployment',
      'default/letters',
      'batch',
      '-o',
      'letters.jsonl',
      '--parallel',
      '2',
    ];
    const { child, ended } = spawnCommand(args, { home, cwd: folder });
    const results = join(folder, 'letters.jsonl');
    while (!existsSync(results) || readFileSync(results, 'utf8') === '')
      await new Promise((done) => setImmediate(done));
    child.kill('SIGINT');
    const { code, err } = await ended;
    expect({ code, err }).toEqual({ code: 5, err: expect.stringContaining('run it again to go on') });
    expect(await run(...args)).toMatchObject({
      code: 0,
      out: expect.stringContaining('40 succeeded, 0 failed'),
    });
    expect(new Set(linesIn('letters.jsonl').map(({ file }) => file)).size).toBe(40);
    expect(linesIn('letters.jsonl')).toHaveLength(40);
  });

  it.each([
    [['run', 'batch', '-o', 'x.jsonl'], 'with -w FILE or with --deployment'],
    [['run', '-w', 'totals.yaml', 'nothing', '-o', 'x.jsonl'], 'there is no file nothing'],
    [['run', '-w', 'letters.yaml', 'batch', '-o', 'data.json'], 'name another file with -o'],
    [['run', '--deployment', 'default/none', 'batch', '-o', 'x.jsonl'], 'no active deployment none'],
  ])('refuses %j', async (args, words) => {
    const { code, err, out } = await run(...args);
    expect({ code: code === 0, err, out }).toEqual({
      code: false,
      err: expect.stringContaining(words),
      out: '',
    });
  });
});
