import type { Clock } from '../clock/clock.ts';
import { systemClock } from '../clock/clock.ts';
import { ConfigError } from '../config/config-error.ts';
import type { Logger, RootLogger } from '../logger/logger.ts';
import type { EventSource, ProcessHost } from './process-host.ts';
import { thisProcess } from './process-host.ts';
import { shutDown } from './shutdown.ts';
import { SetUpError, WRONG_SET_UP } from './set-up-error.ts';
import type { StopStep } from './stop-steps.ts';
import { createStopSteps } from './stop-steps.ts';

export type { ProcessHost } from './process-host.ts';

/** The life of a process, as those see it who make it up. */
export interface Lifecycle {
  /** True from the first wish to stop on: take nothing new. */
  readonly stopping: boolean;
  /** Aborts when `stopping` turns true. */
  readonly signal: AbortSignal;
  /**
   * Registers how to end something that was started. Steps run in reverse order of registration. The deadline aborts
   * when the grace is over: give back at once what is left.
   */
  onStop(label: string, step: StopStep): void;
  /** Something happened without which the process cannot go on: it stops as on SIGTERM, but exits with 1; with 78 for a SetUpError. */
  fail(error: unknown): void;
}

export interface RunOptions {
  name: string;
  /** Closed before the exit when it can be. */
  logger: Logger | RootLogger;
  /** From the wish to stop to the deadline, milliseconds. */
  graceMs: number;
  /** From the deadline to the forced exit, milliseconds (default 5000): the time to give back what is left. */
  handBackMs?: number;
  /** Standard input is a pipe held open by the parent; its end means the same as SIGTERM. */
  parentPipe?: boolean;
  /** Composes the process. It runs until it is stopped, even when nothing else keeps it alive. */
  start: (lifecycle: Lifecycle) => unknown;
  clock?: Clock;
}

/** npm and the terminal both deliver one Ctrl-C: a SIGINT this soon after another is the same one. */
const SAME_KEYSTROKE_MS = 200;
const DEFAULT_HAND_BACK_MS = 5000;
/** Only there to keep the event loop from running empty. */
const LONGEST_INTERVAL_MS = 2 ** 31 - 1;

/**
 * Runs a process from its start to its exit code, which it resolves to. SIGTERM, SIGINT and the end of the parent's
 * pipe stop it in order: exit 0. Exit 1 follows a second signal (at once), a start that fails, a stop that fails or takes too long,
 * `fail`, an uncaught exception and an unhandled rejection; 78 where a start or `fail` tells of a SetUpError. A ConfigError is told on standard error, without a stack;
 * give a function instead of options to have configuration errors in it treated the same. To a parent any error that ends the start is
 * told there. Where the function gives a text, that is the answer to the command line: it goes to standard output, exit 0.
 */
export async function runProcess(
  given: RunOptions | (() => RunOptions | string),
  host: ProcessHost = thisProcess(),
): Promise<number> {
  try {
    const options = typeof given === 'function' ? given() : given;
    if (typeof options !== 'string') return await live(options, host);
    host.write(options);
    host.end(0);
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    host.writeError(`${error.message}\n`);
    host.end(1);
    return 1;
  }
}

async function live(options: RunOptions, host: ProcessHost): Promise<number> {
  const { logger, graceMs, handBackMs = DEFAULT_HAND_BACK_MS } = options;
  const ending = createEnding(options, host);
  const keepAlive = setInterval(() => undefined, LONGEST_INTERVAL_MS);
  const release = listenTo(host, options, ending);
  const steps = createStopSteps(logger);
  const lifecycle: Lifecycle = {
    get stopping() {
      return ending.signal.aborted;
    },
    signal: ending.signal,
    onStop: steps.add,
    fail: (error) => ending.fail('fatal error', error),
  };
  const started = startUp(options, { lifecycle, ending, host });
  const { forced } = ending;
  const stopped = ending.wished.then(() => shutDown({ steps, logger, graceMs, handBackMs, started, forced }));
  const well = await Promise.race([stopped, forced.then(() => false)]);
  const code = well ? ending.code : 1;
  logger.info('exit', { code });
  if ('close' in logger) await logger.close();
  clearInterval(keepAlive);
  release();
  if (well) host.end(code);
  else host.exit(code);
  return code;
}

interface Parts {
  lifecycle: Lifecycle;
  ending: Ending;
  host: ProcessHost;
}

async function startUp(options: RunOptions, { lifecycle, ending, host }: Parts): Promise<void> {
  try {
    await options.start(lifecycle);
  } catch (error) {
    const wasTold = lifecycle.stopping && (error === lifecycle.signal.reason || isAbort(error));
    if (wasTold) return;
    ending.fail('start failed', error);
    // The parent sees no log, and has to tell people why.
    if (options.parentPipe === true && !(error instanceof ConfigError)) {
      host.writeError(`${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

/** That the process is to end, from the first wish on. */
interface Ending {
  readonly signal: AbortSignal;
  /** Resolves at the first wish to stop. */
  readonly wished: Promise<void>;
  /** Resolves when it must end without any order. */
  readonly forced: Promise<void>;
  /** The exit code of an orderly end. */
  readonly code: number;
  wish(reason: string): void;
  fail(message: string, error: unknown): void;
  force(message: string, fields: Record<string, unknown>): void;
}

function createEnding({ name, logger, graceMs }: RunOptions, host: ProcessHost): Ending {
  const controller = new AbortController();
  const wished = Promise.withResolvers<void>();
  const forced = Promise.withResolvers<void>();
  let code = 0;
  const wish = (reason: string): void => {
    if (controller.signal.aborted) return;
    logger.info('stopping', { process: name, reason, grace_ms: graceMs });
    controller.abort(new DOMException(`${name} is stopping: ${reason}`, 'AbortError'));
    wished.resolve();
  };
  return {
    signal: controller.signal,
    wished: wished.promise,
    forced: forced.promise,
    get code() {
      return code;
    },
    wish,
    fail: (message, error) => {
      code = error instanceof SetUpError ? WRONG_SET_UP : 1;
      if (error instanceof ConfigError) host.writeError(`${error.message}\n`);
      else logger.error(message, { process: name, error });
      wish(message);
    },
    force: (message, fields) => {
      logger.error(message, { process: name, ...fields });
      forced.resolve();
    },
  };
}

/** Listens to signals, accidents and the parent. Returns how to stop listening. */
function listenTo(host: ProcessHost, options: RunOptions, ending: Ending): () => void {
  const { clock = systemClock, parentPipe = false } = options;
  let last: { signal: string; at: number } | undefined;
  const onSignal = (given: unknown): void => {
    const signal = String(given);
    const before = last;
    last = { signal, at: clock.monotonic() };
    if (before === undefined) return ending.wish(signal);
    const echo = signal === 'SIGINT' && before.signal === 'SIGINT' && last.at - before.at < SAME_KEYSTROKE_MS;
    if (!echo) ending.force('second signal', { signal });
  };
  const onParentGone = (): void => ending.wish('the parent is gone');
  const subscriptions: [EventSource, string, (given: unknown) => void][] = [
    [host.events, 'SIGTERM', onSignal],
    [host.events, 'SIGINT', onSignal],
    [host.events, 'uncaughtException', (error) => ending.force('uncaught exception', { error })],
    [host.events, 'unhandledRejection', (error) => ending.force('unhandled rejection', { error })],
  ];
  if (parentPipe) {
    for (const event of ['end', 'close', 'error']) subscriptions.push([host.stdin, event, onParentGone]);
    host.stdin.resume();
  }
  for (const [source, event, listener] of subscriptions) source.on(event, listener);
  return () => {
    for (const [source, event, listener] of subscriptions) source.off(event, listener);
    if (parentPipe) host.stdin.pause();
  };
}
