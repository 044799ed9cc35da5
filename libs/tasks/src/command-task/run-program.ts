import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TaskContext } from '../definition/task-context.ts';
import { TaskError } from '../definition/task-error.ts';
import type { Family } from '../isolation/process-family.ts';
import { killFamily, ownFamily } from '../isolation/process-family.ts';
import { findProgram } from './find-program.ts';
import type { Heard } from './program-output.ts';
import { converse } from './program-output.ts';
import { programEnvironment } from './program-environment.ts';
import type { GivenFiles, ScratchFolder } from './scratch-folder.ts';
import { createScratchFolder } from './scratch-folder.ts';

export interface ProgramSpec {
  /** The program and its arguments, without a shell. A program without a slash is looked for in PATH, others from `cwd`. */
  readonly command: readonly [program: string, ...args: string[]];
  /** Where it starts. Default: the folder of its files. */
  readonly cwd?: string;
  /** Variables beside those that every program needs; see docs/tasks.md. */
  readonly env?: Readonly<Record<string, string>>;
  /** Variables of the worker that it sees too. */
  readonly passEnv?: readonly string[];
  /** What it is given on standard input. Default: nothing. */
  readonly stdin?: string;
  /** Where it writes its result. Its standard output is logged with the run unless it is that. Default: file descriptor 3. */
  readonly resultOn?: 'fd3' | 'stdout';
  /** Files to begin with, by their paths in the folder of its files. */
  readonly files?: GivenFiles;
}

/** How a program ended, and what it said. */
export interface ProgramEnd extends Heard {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What it needs of the context of its run. */
export type ProgramContext = Pick<TaskContext, 'run' | 'file' | 'signal' | 'log' | 'progress'>;

/** What it says after its end comes from others that hold its output open, out of reach. */
const LAST_WORDS_MS = 1_000;

/**
 * Runs a program to its end, for a task of the isolation `process`: it has a folder of its own for files, what it prints is logged with the
 * run, and whatever it started ends with it. When the signal of the run aborts, it is told by SIGTERM; the limits of the run are held by the
 * worker, whatever the program does. Resolves however it ended.
 * @throws {TaskError} when it cannot be started, with the reason
 */
export async function runProgram(spec: ProgramSpec, context: ProgramContext): Promise<ProgramEnd> {
  const scratch = await createScratchFolder(context.file, spec.files);
  try {
    context.signal.throwIfAborted();
    const family = ownFamily();
    const child = await start(spec, { context, scratch, family });
    return await untilEnd(child, family, spec, context);
  } finally {
    await scratch.remove();
  }
}

interface Surroundings {
  readonly context: ProgramContext;
  readonly scratch: ScratchFolder;
  readonly family: Family | undefined;
}

async function start(spec: ProgramSpec, { context, scratch, family }: Surroundings): Promise<ChildProcess> {
  const { command, cwd = scratch.files, passEnv = [], env: own = {} } = spec;
  const [program, ...args] = command;
  const env = programEnvironment({ facts: context.run, scratch, passEnv, env: own, own: process.env });
  const found = await findProgram(program, { cwd, path: env['PATH'] ?? '' });
  // In a process of runs it belongs to the group that ends with the run; elsewhere it leads a group of its own.
  const detached = family === undefined;
  try {
    const child = spawn(found, args, { cwd, env, detached, stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'] });
    await once(child, 'spawn');
    return child;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TaskError('program_not_started', `${found} cannot be started: ${reason}`, {
      ...{ retryable: isPassing(cause), cause },
    });
  }
}

/** Of processes, memory and open files there may be enough later. */
function isPassing(error: unknown): boolean {
  return ['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE'].includes((error as NodeJS.ErrnoException).code ?? '');
}

async function untilEnd(
  child: ChildProcess,
  family: Family | undefined,
  { stdin = '', resultOn = 'fd3' }: ProgramSpec,
  { signal, log, progress }: ProgramContext,
): Promise<ProgramEnd> {
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const closed = once(child, 'close');
  const heard = converse(child, {
    ...{ stdin, resultOn, log, progress },
    onTooMuch: () => child.kill('SIGKILL'),
  });
  // This process itself, which leads the group of a family, does not heed it.
  const abort = (): void => signalGroup(family?.leader ?? child.pid, 'SIGTERM');
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const [exitCode, its] = await exited;
  signal.removeEventListener('abort', abort);
  if (family === undefined) signalGroup(child.pid, 'SIGKILL');
  // An error that nobody expects: this process, and with it the group of whatever that is, is ended for it.
  else if (!(await killFamily(family))) throw new Error('Something that the program started does not end');
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS).unref())]);
  for (const stream of child.stdio) stream?.destroy();
  return { exitCode, signal: its, ...heard() };
}

function signalGroup(leader: number | undefined, signal: NodeJS.Signals): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, signal);
  } catch {
    // Nobody of the group is left.
  }
}
