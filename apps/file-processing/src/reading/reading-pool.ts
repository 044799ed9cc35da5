import { createHash } from 'node:crypto';
import type { WorkflowDefinition } from '@longshore/contracts';
import { DEFAULT_READ_LIMITS } from '@longshore/documents';
import { MAX_RECOGNITION_MS, type OcrSettings } from '@longshore/recognition';
import type { ReadingResult } from './messages.ts';
import { createQuickTest, createReadHere, isSmallText } from './read-here.ts';
import { abortedError, ReadingError } from './reading-error.ts';
import {
  type ReadingThread,
  startReadingThread,
  type ThreadJob,
  type ThreadLimits,
} from './reading-thread.ts';
import { createWaitingLine } from './waiting-line.ts';

export interface ReadingPoolOptions {
  /** Files read at the same time. Threads start when there is work for them. */
  readonly threads: number;
  readonly limits?: Partial<ThreadLimits>;
  /** How text is recognised in pictures and scans. Without it they are refused. */
  readonly ocr?: OcrSettings | undefined;
}

interface ProcessOptions {
  /** The file's name; it settles what content leaves open, and overrides of the workflow. */
  readonly name: string;
  /** What the request gave along with its files. Default null. */
  readonly customData?: unknown;
  readonly definition: WorkflowDefinition;
  /** Names this very content of the definition, such as a version's id. Default: a hash, at the cost of some microseconds. */
  readonly definitionId?: string | undefined;
  /** Stops the reading; a thread that is at it is terminated. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the result carries the whole text. Default false. */
  readonly includeText?: boolean | undefined;
}

export interface ReadingPool {
  /**
   * Reads and structures one file, away from the main thread unless it is a small plain text for a workflow that
   * cannot run long. Larger files are handed over: `bytes` is empty afterwards.
   * @throws ReadingError with `reason` unreadable, timeout, memory, aborted, bad_definition, crashed or closed
   */
  readonly process: (bytes: Uint8Array, options: ProcessOptions) => Promise<ReadingResult>;
  /** Stops all threads; what they were reading fails with reason `closed`. */
  readonly close: () => Promise<void>;
}

const DEFAULT_LIMITS: ThreadLimits = Object.freeze({
  ...DEFAULT_READ_LIMITS,
  maxMs: 60_000,
  maxRecognitionMs: MAX_RECOGNITION_MS,
  maxHeapMb: 512,
  maxExternalMb: 1024,
});

/** A pool of reading threads. A thread that had to be terminated is replaced when the next file needs it. */
export function createReadingPool({ threads, limits: given = {}, ocr }: ReadingPoolOptions): ReadingPool {
  const limits = { ...DEFAULT_LIMITS, ...given };
  const line = createWaitingLine();
  const readHere = createReadHere(limits);
  const isQuick = createQuickTest();
  const idle: ReadingThread[] = [];
  const all = new Set<ReadingThread>();
  const starts = new Set<Promise<void>>();
  let closed = false;

  const pump = () => {
    while (line.size() > 0) {
      const thread = idle.pop();
      if (thread === undefined) return startOneMore();
      if (thread.isAlive()) void work(thread);
      else all.delete(thread);
    }
  };

  const startOneMore = () => {
    if (closed || all.size + starts.size >= threads || starts.size >= line.size()) return;
    // A thread that cannot start will not start for the next file either, so nobody is left waiting.
    const start = startReadingThread(limits, ocr).then(admit, line.failAll);
    starts.add(start);
    void start.finally(() => starts.delete(start)).then(pump);
  };

  const admit = async (thread: ReadingThread) => {
    if (closed) return void (await thread.terminate());
    all.add(thread);
    idle.push(thread);
  };

  const work = async (thread: ReadingThread) => {
    const next = line.take();
    if (next === undefined) return void idle.push(thread);
    const running = thread.run(next.job);
    next.resolve(running.catch((error: unknown) => Promise.reject(closed ? closedError() : error)));
    await running.catch(() => undefined);
    if (thread.isAlive()) idle.push(thread);
    else all.delete(thread);
    pump();
  };

  const process: ReadingPool['process'] = (bytes, options) => {
    if (closed) return Promise.reject(closedError());
    if (options.signal?.aborted === true) return Promise.reject(abortedError(options.signal));
    const job = toJob(bytes, options, limits);
    if (isQuick(options.definition) && isSmallText(bytes)) return readHere(job);
    const result = line.add(job);
    pump();
    return result;
  };

  const close = async () => {
    closed = true;
    line.failAll(closedError());
    await Promise.all(starts);
    await Promise.all([...all].map((thread) => thread.terminate()));
  };

  return { process, close };
}

function toJob(
  bytes: Uint8Array,
  options: ProcessOptions,
  { maxMs, maxRecognitionMs }: ThreadLimits,
): ThreadJob {
  const { definition } = options;
  const seconds = definition.steps.find((step) => step.read !== undefined)?.read?.max_seconds ?? Infinity;
  return {
    bytes,
    name: options.name,
    customData: options.customData ?? null,
    definition,
    definitionId:
      options.definitionId ?? createHash('sha256').update(JSON.stringify(definition)).digest('base64url'),
    includeText: options.includeText ?? false,
    maxMs: Math.min(maxMs, seconds * 1000),
    maxTotalMs: Math.min(maxMs + maxRecognitionMs, seconds * 1000),
    signal: options.signal,
  };
}

function closedError(): ReadingError {
  return new ReadingError('closed', 'The worker is stopping, so the file was not read to its end.');
}
