import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { treeMemory } from './tree-memory.ts';

const run = promisify(execFile);
const FOLDER = join(import.meta.dirname, 'celery');
/** Debian's own: its packages lie there. */
const PYTHON = '/usr/bin/python3';
const QUEUES = ['one', 'two', 'three', 'four'];

export const HOW_TO_INSTALL =
  'apt install python3-celery python3-django python3-djangorestframework python3-redis';

/** Whether Celery, Django and its REST framework are installed. */
export async function celeryIsInstalled(): Promise<boolean> {
  const imports = 'import celery, django, rest_framework, redis';
  return run(PYTHON, ['-c', imports]).then(
    () => true,
    () => false,
  );
}

export async function celeryVersions(): Promise<string> {
  const code = `import celery, django, rest_framework as r; print(f"Celery {celery.__version__}, Django {django.__version__}, its REST framework {r.VERSION}")`;
  return (await run(PYTHON, ['-c', code])).stdout.trim();
}

export interface CeleryFigures {
  /** MiB of four workers. */
  readonly idle: number;
  readonly after: number;
  /** From the start of one worker to the end of the first task, which waited for it, ms. */
  readonly coldStartMs: number;
}

/** Four workers, prefork with four processes each, every one with a queue of its own. */
export async function measureCelery(
  redisUrl: string,
  tasks: number,
  settleMs: number,
): Promise<CeleryFigures> {
  const env = {
    PATH: process.env['PATH'],
    BENCH_REDIS: redisUrl,
    PYTHONDONTWRITEBYTECODE: '1',
    C_FORCE_ROOT: '1',
  };
  const coldStartMs = await coldStart(env);
  const workers = QUEUES.map((queue) => startWorker(queue, env));
  try {
    await Promise.all(QUEUES.map((queue) => submit(env, 4, [queue])));
    const pids = workers.map(({ pid }) => pid);
    const idle = await treeMemory(pids, settleMs);
    await submit(env, tasks / QUEUES.length, QUEUES);
    const after = await treeMemory(pids, settleMs);
    return { idle, after, coldStartMs };
  } finally {
    await Promise.all(workers.map(({ end }) => end()));
  }
}

async function coldStart(env: NodeJS.ProcessEnv): Promise<number> {
  const answer = submit(env, 1, ['cold']);
  // The one who waits needs longer to start than to submit; the worker starts when the task is there.
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  const started = performance.now();
  const worker = startWorker('cold', env);
  try {
    await answer;
    return performance.now() - started;
  } finally {
    await worker.end();
  }
}

function submit(env: NodeJS.ProcessEnv, count: number, queues: readonly string[]): Promise<unknown> {
  return run(PYTHON, [join(FOLDER, 'submit.py'), String(count), ...queues], { cwd: FOLDER, env });
}

function startWorker(queue: string, env: NodeJS.ProcessEnv) {
  const args = [
    '-A',
    'celery_app',
    'worker',
    '-c',
    '4',
    '-P',
    'prefork',
    '-Q',
    queue,
    '-n',
    `${queue}@bench`,
  ];
  const child = spawn(PYTHON, ['-m', 'celery', ...args, '--loglevel=ERROR'], {
    cwd: FOLDER,
    env,
    stdio: 'ignore',
  });
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  };
  return { pid: child.pid!, end };
}
