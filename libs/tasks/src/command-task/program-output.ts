import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { TaskContext } from '../definition/task-context.ts';
import { eachLine } from '../isolation/output-lines.ts';

/** Where a program writes its result, and where it may tell its progress. */
export const RESULT_FD = 3;
export const PROGRESS_FD = 4;

/** A larger result is a file, which belongs into storage of its own. */
export const MAX_RESULT_BYTES = 16 * 1024 * 1024;
/** Of its standard error, for whoever wants to know why it failed. */
const KEPT_WORDS = 4_000;

export interface Heard {
  /** What it wrote as its result; undefined when that was too much. */
  readonly result: Uint8Array | undefined;
  /** The end of its standard error. */
  readonly lastWords: string;
}

export interface Conversation extends Pick<TaskContext, 'log' | 'progress'> {
  readonly stdin: string;
  readonly resultOn: 'fd3' | 'stdout';
  /** Its result is too large. */
  readonly onTooMuch: () => void;
}

/** Gives a program its input, and hears what it says until `heard` is asked. */
export function converse(child: ChildProcess, its: Conversation): () => Heard {
  const { stdin, resultOn, log, progress, onTooMuch } = its;
  const chunks: Buffer[] = [];
  let bytes = 0;
  let lastWords = '';
  const [, stdout, stderr, fd3, fd4] = child.stdio as [Writable, Readable, Readable, Readable, Readable];
  const [result, printed] = resultOn === 'fd3' ? [fd3, stdout] : [stdout, fd3];
  eachLine(printed, (line) => log.info(line, { stream: 'stdout' }));
  eachLine(stderr, (line) => {
    lastWords = `${lastWords}${line}\n`.slice(-KEPT_WORDS);
    log.warn(line, { stream: 'stderr' });
  });
  result.on('error', () => undefined);
  result.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= MAX_RESULT_BYTES) chunks.push(chunk);
    else onTooMuch();
  });
  eachLine(fd4, progressTeller({ log, progress }));
  // A program need not read its input.
  (child.stdin as Writable).on('error', () => undefined).end(stdin);
  return () => ({
    result: bytes <= MAX_RESULT_BYTES ? Buffer.concat(chunks) : undefined,
    lastWords: lastWords.trimEnd(),
  });
}

/** A line is a percentage, or `{"percentage", "message", "data"}`, each of them optional. What is neither is complained about once. */
export function progressTeller({
  log,
  progress,
}: Pick<TaskContext, 'log' | 'progress'>): (line: string) => void {
  let complained = false;
  return (line) => {
    const told = line === '' ? undefined : valueOf(line);
    if (typeof told === 'number') return progress(told);
    if (typeof told === 'object' && told !== null && !Array.isArray(told)) {
      const { percentage, message, data } = told as Record<string, unknown>;
      return progress(
        typeof percentage === 'number' ? percentage : null,
        typeof message === 'string' ? message : undefined,
        data,
      );
    }
    if (complained || line === '') return;
    complained = true;
    log.warn(`A line on file descriptor ${PROGRESS_FD} is no progress`, { line: line.slice(0, 200) });
  };
}

function valueOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
