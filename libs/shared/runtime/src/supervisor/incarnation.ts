import type { ChildProcess } from 'node:child_process';
import type { Logger } from '../logger/logger.ts';
import { redactText } from '../logger/redact-text.ts';
import type { ChildExit, ChildSpec, Incarnation, Spawn } from './child.ts';
import { readLines } from './lines.ts';

const LINES_KEPT = 20;

/** Starts one process of a child. That it cannot be started counts as its exit. */
export function incarnate(spec: ChildSpec, spawn: Spawn, logger: Logger): Incarnation {
  const lastLines: string[] = [];
  const keep = (line: string): void => {
    lastLines.push(redactText(line));
    if (lastLines.length > LINES_KEPT) lastLines.shift();
  };
  try {
    const child = start(spec, spawn);
    wireOutput(child, spec, keep, logger);
    return {
      pid: child.pid,
      exited: exitOf(child, spec.name, lastLines, keep),
      send: (message) => child.connected && child.send(message, () => undefined),
      terminate: () => void child.kill('SIGTERM'),
      kill: () => killGroup(child, logger),
    };
  } catch (error) {
    keep(error instanceof Error ? error.message : String(error));
    const exited = Promise.resolve({ name: spec.name, code: null, signal: null, lastLines });
    return {
      ...{ pid: undefined, exited, send: () => false },
      ...{ terminate: () => undefined, kill: () => undefined },
    };
  }
}

/**
 * Its standard input is a pipe that nobody writes to: it ends when we do, however we do. It leads a group of its own,
 * so that a Ctrl-C in our terminal reaches it through us alone and only once.
 */
function start(spec: ChildSpec, spawn: Spawn): ChildProcess {
  return spawn(spec.command, spec.args ?? [], {
    ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
    env: { ...(spec.env ?? process.env), LONGSHORE_PARENT_PIPE: 'true' },
    stdio: ['pipe', 'pipe', 'pipe', ...(spec.onMessage === undefined ? [] : ['ipc' as const])],
    detached: true,
  });
}

function wireOutput(
  child: ChildProcess,
  spec: ChildSpec,
  keep: (line: string) => void,
  logger: Logger,
): void {
  const stderr =
    spec.stderr ?? ((line) => logger.warn('child wrote to standard error', { child: spec.name, line }));
  const guarded =
    <T>(listener: (given: T) => void) =>
    (given: T) => {
      try {
        listener(given);
      } catch (error) {
        logger.error('listener of child output failed', { child: spec.name, error });
      }
    };
  if (child.stdout) readLines(child.stdout, guarded(spec.stdout ?? (() => undefined)));
  const onStderr = guarded(stderr);
  if (child.stderr) {
    readLines(child.stderr, (line) => {
      keep(line);
      onStderr(line);
    });
  }
  if (spec.onMessage !== undefined) child.on('message', guarded<unknown>(spec.onMessage));
  // The child may close its end while it lives on.
  child.stdin?.on('error', () => undefined);
}

/** How long output may still come after the exit: a descendant can hold the pipe open for ever. */
const OUTPUT_GRACE_MS = 500;

function exitOf(
  child: ChildProcess,
  name: string,
  lastLines: readonly string[],
  keep: (line: string) => void,
): Promise<ChildExit> {
  const { promise, resolve } = Promise.withResolvers<ChildExit>();
  const end = (code: number | null, signal: NodeJS.Signals | null): void =>
    resolve({ name, code, signal, lastLines: [...lastLines] });
  child.on('error', (error) => {
    keep(error.message);
    // Without a process id there never was a process, and no exit will follow.
    if (child.pid === undefined) end(null, null);
  });
  child.on('exit', (code, signal) => {
    const timer = setTimeout(() => end(code, signal), OUTPUT_GRACE_MS);
    child.once('close', () => {
      clearTimeout(timer);
      end(code, signal);
    });
  });
  return promise;
}

function killGroup(child: ChildProcess, logger: Logger): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    // The group may be gone already, or not be one where there are no process groups.
    logger.debug('killing the group failed', { pid: child.pid, error });
    child.kill('SIGKILL');
  }
}
