import { afterEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { processEnd } from '../isolation/isolated-runner.fixture.ts';
import { commandRunnersOfTest } from './command-runner.fixture.ts';

const setup = commandRunnersOfTest(afterEach);
const sh = (script: string, definition: object = {}) => setup(['sh', '-c', script], definition);

const python = `
import json, os, sys
given = json.load(sys.stdin)
print('says', given['text'])
print('complains', file=sys.stderr)
print('{"forged": true}')
with os.fdopen(4, 'w', buffering=1) as progress:
    print(25, file=progress)
    print('nonsense', file=progress)
    print(json.dumps({'percentage': 75, 'message': 'nearly', 'data': [1]}), file=progress)
with os.fdopen(3, 'w') as result:
    json.dump({'text': given['text'], 'attempt': os.environ['LONGSHORE_ATTEMPT']}, result)
`;

describe('a command task', () => {
  it('gives its input to a program, and takes from file descriptor 3 what it answers, whatever it prints', async () => {
    const { backend, run, lines } = await setup(['python3', 'work.py'], {}, { 'work.py': python });
    const report = await run({ input: { text: 'Zoë ✓ 漢字' }, attempt: 2 });
    expect(report).toMatchObject({
      outcome: 'succeeded',
      output: { inline: { text: 'Zoë ✓ 漢字', attempt: '2' } },
    });
    await backend.until(() => backend.logLines.length >= 4);
    expect(lines().sort()).toEqual([
      'A line on file descriptor 4 is no progress',
      'complains',
      'says Zoë ✓ 漢字',
      '{"forged": true}',
    ]);
    await backend.until(() => backend.progress.at(-1)?.percentage === 75);
    expect(backend.progress.at(-1)).toMatchObject({ percentage: 75, message: 'nearly', data: [1] });
  });

  it('checks its input with its JSON Schema, and fills in defaults', async () => {
    const properties = { n: { type: 'integer' }, unit: { type: 'string', default: 'm' } };
    const { run } = await sh('cat >&3', { input: { type: 'object', properties, required: ['n'] } });
    expect(await run({ input: { n: 1 } })).toMatchObject({ output: { inline: { n: 1, unit: 'm' } } });
    expect(await run({ input: { n: 'one' } })).toMatchObject({
      error: { code: 'invalid_input', message: expect.stringContaining('n: must be integer') },
      retry_after_ms: null,
    });
  });

  it('is tried again after a failure, unless its exit code says that this is of no use', async () => {
    const { run } = await sh('n=$(tr -cd 0-9); echo first >&2; echo why >&2; echo "[1]" >&3; exit $n');
    expect(await run({ input: { n: 3 } })).toMatchObject({
      ...{ outcome: 'failed', output: { inline: [1] }, retry_after_ms: 1_500 },
      error: {
        code: 'command_failed',
        message: expect.stringMatching(/^sh ended with exit code 3: first\nwhy$/),
      },
    });
    expect(await run({ input: { n: 65 } })).toMatchObject({ retry_after_ms: null });
  });

  const wrong = {
    nothing: ['echo a result', 'no_result', /wrote no result to file descriptor 3/],
    broken: ['echo \'{"a":\' >&3', 'bad_result', /is no JSON/],
    two_values: ['echo "1 2" >&3', 'bad_result', /is no JSON/],
    no_number: ['echo NaN >&3', 'bad_result', /is no JSON/],
    no_text: ['printf \'"\\377"\' >&3', 'bad_result', /not UTF-8/],
    far_too_much: ['head -c 50000000 /dev/zero >&3', 'result_too_large', /more than 16 MiB/],
  } as const;

  it('fails for good when it wrote no result, or one that is none', async () => {
    const cases = Object.entries(wrong).map(([what, [script]]) => `*${what}*) ${script};;`);
    const { run } = await sh(`case $(cat) in ${cases.join(' ')} esac`);
    for (const [what, [, code, message]] of Object.entries(wrong)) {
      expect(await run({ input: { what } })).toMatchObject({
        ...{ outcome: 'failed', retry_after_ms: null },
        error: { code, message: expect.stringMatching(message) },
      });
    }
  });

  it('needs no result where it says so', async () => {
    const { run } = await sh('true', { result: 'optional' });
    expect(await run({ input: {} })).toMatchObject({ outcome: 'succeeded', output: { inline: null } });
  });

  it('says which signal ended it', async () => {
    const { run } = await sh('kill -SEGV $$');
    expect(await run({ input: {} })).toMatchObject({
      error: { code: 'command_failed', message: 'sh was ended by SIGSEGV' },
      retry_after_ms: 1_500,
    });
  });

  it('says which program is missing, or which folder, or why it does not start, and is not tried again', async () => {
    const problems = [
      [
        await setup(['no-such-program']),
        'program_missing',
        'The program no-such-program is not on this worker',
      ],
      [await setup(['./not/here']), 'program_missing', '/not/here is not on this worker'],
      [await setup(['sh'], { cwd: 'no-folder' }), 'folder_missing', '/no-folder, in which sh is to start'],
      [
        await setup(['./plain'], {}, { plain: '#!/no/interpreter' }),
        'program_not_started',
        'cannot be started',
      ],
    ] as const;
    for (const [{ run }, code, message] of problems) {
      expect(await run({ input: {} })).toMatchObject({
        ...{ outcome: 'failed', retry_after_ms: null },
        error: { code, message: expect.stringContaining(message) },
      });
    }
  });

  it('need not read its input', async () => {
    const { run } = await sh('exec <&-; echo 1 >&3');
    expect(await run({ input: { text: 'x'.repeat(1_000_000) } })).toMatchObject({ output: { inline: 1 } });
  });

  it('has little of the environment of the worker, and none of its keys', async () => {
    const secrets = ['INTERNAL_SERVICE_API_KEY', 'BROKER_URL', 'DATABASE_URL', 'ANTHROPIC_API_KEY', 'REGION'];
    for (const name of secrets) process.env[name] = 'lsk_secret';
    try {
      const definition = { env: { MODE: 'fast' }, passEnv: ['REGION', 'NOT_SET'] };
      const { run } = await setup(['node', 'env.mjs'], definition, {
        'env.mjs': `import fs from 'node:fs'; fs.writeSync(3, JSON.stringify(process.env))`,
      });
      const report = await run({ input: {} });
      const { inline: env } = (report as unknown as { output: { inline: Record<string, string> } }).output;
      const run_id = report?.run_id;
      expect(Object.keys(env).filter((name) => env[name] === 'lsk_secret')).toEqual(['REGION']);
      expect(env).toMatchObject({
        MODE: 'fast',
        LONGSHORE_RUN_ID: run_id,
        LONGSHORE_IDEMPOTENCY_KEY: run_id,
      });
      expect(env).not.toHaveProperty('NODE_OPTIONS');
    } finally {
      for (const name of secrets) delete process.env[name];
    }
  });

  it('finds the file of its run in a folder of its own, which is gone afterwards', async () => {
    const script =
      'cat "$LONGSHORE_FILE" >&3; touch "$TMPDIR/x" y; echo "in $LONGSHORE_FILES"; ls -A "$LONGSHORE_FILES"';
    const { backend, run, line } = await sh(script);
    const report = await run({
      input: {},
      file: { name: '../a b/ü.json', bytes: Buffer.from('{"total": 7}') },
    });
    expect(report).toMatchObject({ output: { inline: { total: 7 } } });
    const [, folder = ''] = await line(/^in (.*)/);
    expect(existsSync(folder)).toBe(false);
    await backend.until(() => backend.logLines.some(({ message }) => message === '.._a b_ü.json'));
  });
});

/** Two children: one of the group of the program, one that left it. */
const withChildren =
  `sleep 600 & a=$!; setsid sh -c 'echo $$ > "$TMPDIR/new"; mv "$TMPDIR/new" "$TMPDIR/b"; exec sleep 600' & ` +
  'until [ -e "$TMPDIR/b" ]; do sleep 0.02; done; b=$(cat "$TMPDIR/b"); echo children $a $b;';

describe('what a command started', () => {
  it('ends with it, when it ends by itself', async () => {
    const { run, line } = await sh(`${withChildren} echo 1 >&3`);
    expect(await run({ input: {} })).toMatchObject({ output: { inline: 1 } });
    const [, ...pids] = await line(/children (\d+) (\d+)/);
    for (const pid of pids) await processEnd(Number(pid));
    expect(await run({ input: {} })).toMatchObject({ output: { inline: 1 } });
  });

  it('ends with it at its hard limit, and its folder goes', async () => {
    const { run, line, lines } = await sh(
      `${withChildren} trap '' TERM; echo $LONGSHORE_FILES; while :; do :; done`,
    );
    const looping = run({ input: {}, hardLimitMs: 5_000, softLimitMs: 4_000 });
    const [, ...pids] = await line(/children (\d+) (\d+)/);
    expect(await looping).toMatchObject({ error: { code: 'hard_limit' } });
    for (const pid of pids) await processEnd(Number(pid));
    const folder = lines().find((each) => each.startsWith('/')) ?? '/';
    expect(existsSync(folder)).toBe(false);
  });

  it('is told by SIGTERM that its run was cancelled or is past its soft limit', async () => {
    const { backend, runner, run, line } = await sh('sleep 600 & echo ready $!; wait');
    const sleeping = run({ input: {} });
    const [, pid] = await line(/ready (\d+)/);
    const [run_id = ''] = backend.runs.keys();
    runner.cancel([{ run_id, epoch: 1 }]);
    expect(await sleeping).toMatchObject({ outcome: 'released' });
    await processEnd(Number(pid));
    expect(await run({ input: {}, softLimitMs: 1_500 })).toMatchObject({ error: { code: 'time_limit' } });
  });

  it('ends when it uses too much memory, that of children counted, and the next run goes on', async () => {
    const script =
      'import os\nif os.fork() == 0:\n  os.setsid()\n  a = []\n  while True: a.append(bytearray(1_000_000))\nos.wait()';
    const { run } = await setup(['python3', 'hog.py'], { memoryMb: 64 }, { 'hog.py': script });
    expect(await run({ input: {} })).toMatchObject({
      error: { code: 'out_of_memory', message: 'It used more memory than the 64 MiB that it may' },
    });
  });

  it('ends when its worker is killed, and its folder goes', async () => {
    const script = `${withChildren} echo ready $a $b $LONGSHORE_FILES; trap '' TERM; while :; do :; done`;
    const program = fileURLToPath(new URL('./doomed-worker.fixture.ts', import.meta.url));
    const worker = spawn(process.execPath, [program, script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = (await once(createInterface({ input: worker.stdout }), 'line')) as [string];
    const [, a, b, folder = '', left = ''] = said.split(' ');
    worker.kill('SIGKILL');
    for (const pid of [a, b]) await processEnd(Number(pid));
    while (existsSync(folder)) await pause(20);
    // Nobody is left to put it away.
    rmSync(left, { recursive: true });
  });
});
