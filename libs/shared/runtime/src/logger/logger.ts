import { join } from 'node:path';
import { createLogger as createWinston, format, transports } from 'winston';
import type { Logger as Winston } from 'winston';
import type { LogLevel } from '../config/schemas.ts';
import type { SafeFields } from './log-line.ts';
import { logLine, safeFields } from './log-line.ts';
import { rotatingFile } from './rotating-file.ts';

type LogMethod = (message: string, fields?: Record<string, unknown>) => void;

/**
 * Writes one line of JSON for one event: a constant message, everything else in fields (`run_id`, `execution_id`,
 * `organisation_id`, …). No call ever throws, and no secret gets into a line.
 */
export interface Logger {
  debug: LogMethod;
  info: LogMethod;
  /**
   * As `info`, for what is said many times a second: written at the end of this turn of the event loop in one piece with others, or before
   * the next line that is not. Lost only with a process that is killed before.
   */
  infoSoon: LogMethod;
  warn: LogMethod;
  error: LogMethod;
  /** A logger that adds these fields to each of its lines. */
  child(fields: Record<string, unknown>): Logger;
}

/** A logger that owns where it writes. */
export interface RootLogger extends Logger {
  /** Resolves when all lines are written, at the latest after a second. Later lines are dropped. */
  close(): Promise<void>;
}

export interface LoggerOptions {
  /** Who writes: on every line, and the name of the file. */
  worker: string;
  /** Which of several processes of that worker: on every line. */
  process?: string | undefined;
  level: LogLevel;
  /** Also write `<dir>/<worker>.log`, five files of at most 10 MB. A folder that cannot be used is told once. */
  dir?: string | undefined;
  /** Default: standard output. It is not closed with the logger. Null: the file alone. */
  destination?: NodeJS.WritableStream | null;
  now?: () => Date;
}

const LEVELS: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 };
const MAX_FILE_BYTES = 10 * 1000 * 1000;
const MAX_FILES = 5;
const CLOSE_WITHIN_MS = 1000;
const MESSAGE = Symbol.for('message');

/** A logger over winston, from which every child comes. */
export function createLogger(options: LoggerOptions): RootLogger {
  const { worker, level, dir, destination = process.stdout, now = () => new Date() } = options;
  const sinks: NodeJS.WritableStream[] = destination === null ? [] : [destination];
  sinks.forEach(tolerateErrors);
  if (dir !== undefined) sinks.push(logFile(dir, worker, () => warnOnce()));
  // One winston each: behind one and the same, a sink that does not drain would hold up the other.
  const outputs = sinks.map((sink) => winstonTo(sink, level));
  const emitAll = (lineLevel: LogLevel, line: string): void => {
    for (const output of outputs) emit(output, lineLevel, line);
  };
  const gathered = createGathering((lines) => emitAll('info', lines.join('\n')));
  const write: Write = (lineLevel, when, said) => {
    if (LEVELS[lineLevel] > LEVELS[level]) return;
    const line = logLine({ time: now(), level: lineLevel, worker, ...said });
    if (when === 'soon') return gathered.add(line);
    gathered.flush();
    emitAll(lineLevel, line);
  };
  const root = loggerOver(write, options.process === undefined ? {} : { process: options.process });
  const warnOnce = once(() => root.warn('log file cannot be written', { dir }));
  const close = (): Promise<void> => {
    gathered.flush();
    return closeAll(outputs);
  };
  return { ...root, close };
}

/** A logger that writes nothing. */
export function silentLogger(): Logger {
  return loggerOver(() => undefined, {});
}

type Write = (
  level: LogLevel,
  when: 'now' | 'soon',
  said: { message: string; bound: SafeFields; fields: unknown },
) => void;

function loggerOver(write: Write, bound: SafeFields): Logger {
  const method =
    (level: LogLevel, when: 'now' | 'soon' = 'now'): LogMethod =>
    (message, fields) => {
      try {
        write(level, when, { message, bound, fields });
      } catch {
        // A line that cannot be written must not take the process down, and there is nowhere to say so.
      }
    };
  return {
    debug: method('debug'),
    info: method('info'),
    infoSoon: method('info', 'soon'),
    warn: method('warn'),
    error: method('error'),
    child: (fields) => loggerOver(write, { ...bound, ...safeFields(fields) }),
  };
}

/** Lines of one turn of the event loop in one piece: handing on and writing each alone costs more than making it. */
function createGathering(write: (lines: readonly string[]) => void) {
  let lines: string[] = [];
  let ending: NodeJS.Immediate | undefined;
  const flush = (): void => {
    if (ending === undefined) return;
    clearImmediate(ending);
    process.off('exit', flush);
    ending = undefined;
    const written = lines;
    lines = [];
    write(written);
  };
  const add = (line: string): void => {
    lines.push(line);
    if (ending !== undefined) return;
    ending = setImmediate(flush);
    process.once('exit', flush);
  };
  return { add, flush };
}

function winstonTo(stream: NodeJS.WritableStream, level: LogLevel): Winston {
  const output = createWinston({
    levels: { ...LEVELS },
    level,
    exitOnError: false,
    // The line is made before winston sees it, so that nothing winston does to a record can add to it.
    format: format((info) => info)(),
    transports: [new transports.Stream({ stream, eol: '\n' })],
  });
  output.on('error', () => undefined);
  return output;
}

function emit(output: Winston, level: LogLevel, line: string): void {
  if (output.writable) output.log({ level, message: '', [MESSAGE]: line });
}

function logFile(dir: string, worker: string, onError: () => void): NodeJS.WritableStream {
  const name = worker.replace(/[^\w.-]/g, '_').replace(/^\.+/, '_');
  return rotatingFile({
    path: join(dir, `${name}.log`),
    maxBytes: MAX_FILE_BYTES,
    maxFiles: MAX_FILES,
    onError,
  });
}

function ignoreError(): void {
  // Whoever read our output went away; that is no reason to stop.
}

/** Without a listener a closed pipe (EPIPE) would end the process. */
function tolerateErrors(stream: NodeJS.WritableStream): void {
  if (!stream.listeners('error').includes(ignoreError)) stream.on('error', ignoreError);
}

async function closeAll(outputs: readonly Winston[]): Promise<void> {
  const finished = outputs.map((output) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    output.once('finish', resolve);
    output.end();
    return promise;
  });
  const { promise: tooLate, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, CLOSE_WITHIN_MS);
  await Promise.race([Promise.all(finished), tooLate]);
  clearTimeout(timer);
}

function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    act();
  };
}
