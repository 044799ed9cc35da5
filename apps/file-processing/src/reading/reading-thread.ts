import { isMarkedAsUntransferable, Worker } from 'node:worker_threads';
import type { WorkflowDefinition } from '@longshore/contracts';
import type { ReadLimits } from '@longshore/documents';
import { type OcrSettings, startClocks } from '@longshore/recognition';
import type { ReaderThreadData, ReadingReply, ReadingRequest, ReadingResult } from './messages.ts';
import { abortedError, ReadingError } from './reading-error.ts';

/** Compiled definitions a reader keeps before it starts over. */
const KEPT_DEFINITIONS = 64;
/** Below this many bytes a copy costs less than handing over the memory. */
const COPY_BELOW_BYTES = 16 * 1024;
const MEMORY_CHECK_MS = 200;
const MIB = 1024 * 1024;
/**
 * Space for the youngest objects of a thread. Left alone the engine lets it grow to twice that over some hundred files and keeps it, which is
 * most of what a thread then holds, and reads about an eighth faster for it (docs/decisions/memory.md).
 */
const YOUNG_HEAP_MB = 48;

/** Bounds that hold for a thread from outside, whatever the file does inside. */
export interface ThreadLimits extends ReadLimits {
  /** Time for one file, in milliseconds, without that of recognising text. Default 60,000. */
  readonly maxMs: number;
  /** Time for recognising the text of one file, in milliseconds. Default 1,800,000. */
  readonly maxRecognitionMs: number;
  /** JavaScript heap of a thread, in MiB. Default 512. */
  readonly maxHeapMb: number;
  /** Memory of a thread outside that heap (file bytes, unpacked streams), in MiB. Default 1024. */
  readonly maxExternalMb: number;
}

export interface ThreadJob {
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly definitionId: string;
  readonly definition: WorkflowDefinition;
  readonly customData: unknown;
  readonly includeText: boolean;
  readonly maxMs: number;
  /** Time for all, recognition of text included. */
  readonly maxTotalMs: number;
  readonly signal: AbortSignal | undefined;
}

/** One worker thread. It reads one file at a time, and is gone for good after a failure that it did not report itself. */
export interface ReadingThread {
  readonly run: (job: ThreadJob) => Promise<ReadingResult>;
  readonly isAlive: () => boolean;
  readonly terminate: () => Promise<unknown>;
}

/** `.ts` as in development, `.js` beside the bundle in production. */
function entryUrl(): URL {
  return new URL(
    import.meta.url.endsWith('.ts') ? './reader-thread.ts' : './reader-thread.js',
    import.meta.url,
  );
}

/**
 * Starts a thread and waits until it can read.
 * @throws ReadingError `crashed` when it does not start
 */
export async function startReadingThread(limits: ThreadLimits, ocr?: OcrSettings): Promise<ReadingThread> {
  const worker = new Worker(entryUrl(), {
    name: 'reader',
    workerData: { ceiling: ceilingOf(limits), ocr } satisfies ReaderThreadData,
    resourceLimits: { maxOldGenerationSizeMb: limits.maxHeapMb, maxYoungGenerationSizeMb: YOUNG_HEAP_MB },
  });
  await nextReply(worker, () => undefined);
  worker.unref();
  let alive = true;
  worker.once('error', () => (alive = false));
  worker.once('exit', () => (alive = false));
  const terminate = () => {
    alive = false;
    return worker.terminate();
  };
  const host: ThreadHost = { worker, limits, terminate, known: new Set() };
  return { isAlive: () => alive, terminate, run: (job) => runJob(host, job) };
}

/** A thread as this side sees it. */
interface ThreadHost {
  readonly worker: Worker;
  readonly limits: ThreadLimits;
  readonly terminate: () => Promise<unknown>;
  /** The definitions that the thread keeps. */
  readonly known: Set<string>;
}

/**
 * The limits inside the thread. What the engine does in one step cannot be stopped at the edge of the heap, and
 * would end the whole process; so what enters such a step is bounded by the heap beforehand.
 */
export function ceilingOf({ maxHeapMb, ...limits }: ThreadLimits): ReadLimits {
  return {
    maxBytes: limits.maxBytes,
    maxPages: limits.maxPages,
    maxUnpackedBytes: limits.maxUnpackedBytes,
    maxPixels: limits.maxPixels,
    maxRecognisedPages: limits.maxRecognisedPages,
    maxTextBytes: Math.min(limits.maxTextBytes, (maxHeapMb * MIB) / 8),
    maxJsonMarks: Math.min(limits.maxJsonMarks, (maxHeapMb * MIB) / 128),
    maxPieces: Math.min(limits.maxPieces, (maxHeapMb * MIB) / 256),
  };
}

async function runJob(
  { worker, limits, terminate, known }: ThreadHost,
  job: ThreadJob,
): Promise<ReadingResult> {
  worker.ref();
  try {
    const replied = nextReply(worker, (fail) => {
      const stopped = (error: ReadingError) => {
        // The reason first: the exit that follows would otherwise pass for a crash.
        fail(error);
        void terminate();
      };
      return watch(worker, job, limits, stopped);
    });
    post(worker, job, known);
    return resultOf(await replied);
  } finally {
    worker.unref();
  }
}

/** @throws ReadingError for every reply but a result */
export function resultOf(reply: ReadingReply): ReadingResult {
  if (reply.type === 'done') return reply.result;
  if (reply.type === 'unreadable')
    throw new ReadingError('unreadable', reply.message, { detail: reply.detail });
  if (reply.type === 'bad_definition') {
    throw new ReadingError('bad_definition', `The workflow cannot be used: ${reply.message}`);
  }
  if (reply.type !== 'crashed') throw new ReadingError('crashed', 'Reading failed: unexpected reply');
  const cause = Object.assign(new Error(reply.message), { stack: reply.stack });
  throw new ReadingError('crashed', `Reading failed: ${reply.message}`, { cause });
}

/** The request for a reader that knows these definitions: one that it does not know yet is sent along. */
export function requestTo(known: Set<string>, job: ThreadJob, bytes: Uint8Array): ReadingRequest {
  const forget = known.size >= KEPT_DEFINITIONS && !known.has(job.definitionId);
  if (forget) known.clear();
  const definition = known.has(job.definitionId) ? undefined : job.definition;
  known.add(job.definitionId);
  const { name, customData, definitionId, includeText } = job;
  return { bytes, name, customData, definitionId, includeText, definition, forget };
}

function post(worker: Worker, job: ThreadJob, known: Set<string>): void {
  const bytes = ownBytes(job.bytes);
  const request = requestTo(known, job, bytes);
  worker.postMessage(request, bytes.length < COPY_BELOW_BYTES ? [] : [bytes.buffer as ArrayBuffer]);
}

/** Bytes that can be handed over: the caller's own memory, or a copy where others share it. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  const whole = bytes.byteLength === bytes.buffer.byteLength;
  const own = whole && bytes.buffer instanceof ArrayBuffer && !isMarkedAsUntransferable(bytes.buffer);
  return own ? new Uint8Array(bytes.buffer) : new Uint8Array(bytes);
}

/** Resolves with the next message of a thread; rejects when the thread fails or `arm` says so. */
function nextReply(
  worker: Worker,
  arm: (fail: (error: ReadingError) => void) => (() => void) | undefined,
): Promise<ReadingReply> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      disarm?.();
      act();
    };
    // Under `node --watch` the runtime itself sends messages from the thread, which have no type.
    const onMessage = (reply: ReadingReply) => {
      if ('type' in reply && reply.type !== 'recognising') settle(() => resolve(reply));
    };
    const onError = (error: unknown) => settle(() => reject(threadError(error)));
    const onExit = () =>
      settle(() => reject(new ReadingError('crashed', 'The reading thread ended unexpectedly.')));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    const disarm = arm((error) => settle(() => reject(error)));
  });
}

function threadError(cause: unknown): ReadingError {
  if ((cause as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY') return memoryError(cause);
  return new ReadingError('crashed', `The reading thread failed: ${String(cause)}`, { cause });
}

function memoryError(cause?: unknown): ReadingError {
  return new ReadingError('memory', 'Reading the file needs more memory than is allowed.', { cause });
}

/** Calls `stop` once time, memory or the caller's patience is over. Returns what ends the watch. */
function watch(
  worker: Worker,
  { maxMs, maxTotalMs, signal }: ThreadJob,
  limits: ThreadLimits,
  stop: (error: ReadingError) => void,
): () => void {
  const onAbort = () => stop(abortedError(signal));
  const stopClocks = startClocks(worker, { maxMs, maxTotalMs }, (ms) =>
    stop(new ReadingError('timeout', `Reading the file takes longer than the allowed ${ms / 1000} seconds.`)),
  );
  const checkMemory = async () => {
    const { external_memory: bytes } = await worker.getHeapStatistics();
    if (bytes > limits.maxExternalMb * MIB) stop(memoryError());
  };
  // A thread that ended meanwhile rejects the question; its end is reported by its own events.
  const memoryTimer = setInterval(() => void checkMemory().catch(() => undefined), MEMORY_CHECK_MS);
  signal?.addEventListener('abort', onAbort, { once: true });
  return () => {
    stopClocks();
    clearInterval(memoryTimer);
    signal?.removeEventListener('abort', onAbort);
  };
}
