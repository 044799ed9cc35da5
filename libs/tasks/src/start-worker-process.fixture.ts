import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const FIXTURE = fileURLToPath(new URL('./worker-process.fixture.ts', import.meta.url));

interface Line {
  readonly message: string;
  readonly level: string;
  readonly [field: string]: unknown;
}

export interface WorkerProcess {
  readonly child: ChildProcess;
  readonly lines: Line[];
  readonly errors: () => string;
  /** The first line of this message, once it was written. */
  line(message: string): Promise<Line>;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

/** Starts the worker of the tests, or another one that this program is. */
export function startWorkerProcess(
  env: Record<string, string>,
  args: readonly string[] = [],
  program = FIXTURE,
): WorkerProcess {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: Line[] = [];
  const waiting = new Set<() => void>();
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  createInterface({ input: child.stdout }).on('line', (text) => {
    lines.push(text.startsWith('{') ? (JSON.parse(text) as Line) : { message: text, level: 'text' });
    for (const look of waiting) look();
  });
  const line = (message: string): Promise<Line> => {
    const { promise, resolve } = Promise.withResolvers<Line>();
    const look = (): void => {
      const found = lines.find((each) => each.message === message);
      if (found === undefined) return;
      waiting.delete(look);
      resolve(found);
    };
    waiting.add(look);
    look();
    return promise;
  };
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  return { child, lines, line, ended, errors: () => errors };
}
