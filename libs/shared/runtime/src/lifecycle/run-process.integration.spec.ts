import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from '@jest/globals';

const PROGRAM = `
  import { createLogger, loadConfig, runProcess } from ${JSON.stringify(new URL('../index.ts', import.meta.url).href)};
  const ended = runProcess(() => {
    const { shutdownGraceMs, parentPipe, logLevel } = loadConfig(['shutdownGraceMs', 'parentPipe', 'logLevel']);
    return {
      name: 'demo',
      logger: createLogger({ worker: 'demo', level: logLevel, dir: process.env.LONGSHORE_LOG_DIR }),
      graceMs: shutdownGraceMs,
      handBackMs: 200,
      parentPipe,
      start: (lifecycle) => {
        const after = process.env.AFTER;
        lifecycle.onStop('work', (deadline) => {
          if (after === 'hang') return new Promise(() => undefined);
          return new Promise((resolve) => deadline.addEventListener('abort', resolve));
        });
        if (after === 'throw') setTimeout(() => { throw new Error('boom lsk_SECRETSECRET'); }, 1);
        if (after === 'reject') setTimeout(() => Promise.reject(new Error('boom')), 1);
        console.log('started');
      },
    };
  });
  void ended.then(() => {
    if (!process.env.DISTURBED) return;
    setInterval(() => undefined, 1000);
    setTimeout(() => eval(process.env.DISTURBED), 1);
  });
`;

const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

function setup(env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', PROGRAM], {
    env: { PATH: process.env['PATH'], SHUTDOWN_GRACE: '0.1', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: '/',
  });
  children.push(child);
  const stdout: string[] = [];
  let stderr = '';
  const started = Promise.withResolvers<void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout.push(line);
    if (line === 'started') started.resolve();
  });
  child.stderr.on('data', (chunk: Buffer) => void (stderr += chunk.toString()));
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stderr, stdout })) as Promise<{
    code: number | null;
    signal: string | null;
    stderr: string;
    stdout: string[];
  }>;
  return { child, started: started.promise, ended };
}

describe('a real process', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('stops in order on %s', async (signal) => {
    const { child, started, ended } = setup();
    await started;
    child.kill(signal);
    const { code, stdout } = await ended;
    expect(code).toBe(0);
    const lines = stdout.slice(1).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toMatchObject([
      { message: 'stopping', reason: signal },
      { message: 'exit', code: 0 },
    ]);
  });

  it('is forced by a second signal', async () => {
    const { child, started, ended } = setup({ SHUTDOWN_GRACE: '60' });
    await started;
    child.kill('SIGTERM');
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 1, signal: null });
  });

  it('that hangs is gone after the deadline', async () => {
    const { child, started, ended } = setup({ AFTER: 'hang' });
    await started;
    child.kill('SIGTERM');
    const { code, stdout } = await ended;
    expect(code).toBe(1);
    expect(stdout.join('\n')).toContain('"step":"work"');
  });

  it.each(["process.kill(process.pid, 'SIGTERM')", "Promise.reject(new Error('late'))"])(
    'that has stopped ends with the code it has, whatever comes (%s)',
    async (disturbance) => {
      const { child, started, ended } = setup({ DISTURBED: disturbance });
      await started;
      child.kill('SIGTERM');
      expect(await ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    },
  );

  it('stops when its parent closes the pipe', async () => {
    const { child, started, ended } = setup({ LONGSHORE_PARENT_PIPE: 'true' });
    await started;
    child.stdin.end();
    const { code, stdout } = await ended;
    expect(code).toBe(0);
    expect(stdout.join('\n')).toContain('the parent is gone');
  });

  it.each(['throw', 'reject'])('logs why it ends after an accident (%s)', async (after) => {
    const { ended } = setup({ AFTER: after });
    const { code, stdout } = await ended;
    expect(code).toBe(1);
    const line = stdout.find((text) => text.includes('boom')) ?? '';
    expect(JSON.parse(line)).toMatchObject({ level: 'error', process: 'demo' });
    expect(line).not.toContain('SECRETSECRET');
  });

  it('says what is wrong with its configuration, and no more', async () => {
    const { ended } = setup({ SHUTDOWN_GRACE: 'long', LOG_LEVEL: 'loud' });
    const { code, stdout, stderr } = await ended;
    expect(code).toBe(1);
    expect(stdout).toEqual([]);
    expect(stderr).toBe(
      [
        'The configuration cannot be used:',
        '  SHUTDOWN_GRACE is not a number of seconds ("long"). Allowed: 0 to 3600 seconds.',
        '  LOG_LEVEL is not a level ("loud"). Allowed: DEBUG, INFO, WARNING or ERROR, in any case.',
        '',
      ].join('\n'),
    );
  });

  it('stays alive although nothing keeps it so', async () => {
    const { child, started, ended } = setup();
    await started;
    const winner = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 150, 'alive'))]);
    expect(winner).toBe('alive');
    child.kill('SIGTERM');
    expect((await ended).code).toBe(0);
  });
});
