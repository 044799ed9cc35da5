import { Worker } from 'node:worker_threads';
import { MAX_RECOGNITION_MS, startClocks } from '@longshore/recognition';
import type { Extracted, ExtractReply, ExtractRequest, ExtractThreadData } from './messages.ts';

/** A file that was not read. The message is a sentence for a person. */
export class ExtractError extends Error {
  override readonly name = 'ExtractError';
  /** A reason of the readers, or `timeout`, `memory`, `failed`. */
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** What one file may take. */
export interface ExtractLimits {
  /** Without the time for recognising text, which has limits of its own. */
  readonly maxMs: number;
  /** Heap of the thread in MiB. */
  readonly maxHeapMb: number;
  /** Memory outside of that heap, such as unpacked streams, in MiB. */
  readonly maxExternalMb: number;
}

export const DEFAULT_EXTRACT_LIMITS: ExtractLimits = Object.freeze({
  maxMs: 60_000,
  maxHeapMb: 512,
  maxExternalMb: 1024,
});

/** How the thread reads, and who hears of what takes long in it. */
interface ExtractorOptions extends Partial<ExtractThreadData> {
  /** Is told the page, counted from 1, whose text is about to be recognised. */
  readonly onRecognising?: (page: number) => void;
}

/** Reads files one after the other in a thread of its own. */
export interface Extractor {
  /** @throws ExtractError when the file cannot be read within the limits */
  readonly run: (request: ExtractRequest) => Promise<Extracted>;
  readonly close: () => Promise<void>;
}

const MEMORY_CHECK_MS = 200;
const MIB = 1024 * 1024;

/** Creates an extractor. Its thread starts with the first file; one that had to be stopped is replaced for the next. */
export function createExtractor(limits: ExtractLimits, options: ExtractorOptions = {}): Extractor {
  let thread: Worker | undefined;
  const stop = async () => {
    const stopping = thread;
    thread = undefined;
    await stopping?.terminate();
  };
  return {
    run: async (request) => {
      try {
        thread ??= await startThread(limits, options);
        return await ask(thread, request, limits);
      } catch (error) {
        if (!(error instanceof RefusedError)) await stop();
        throw error;
      }
    },
    close: stop,
  };
}

/** The thread itself said that the file cannot be read, and goes on. */
class RefusedError extends ExtractError {}

async function startThread(
  { maxHeapMb }: ExtractLimits,
  { ocr, maxRecognisedPages, onRecognising }: ExtractorOptions,
): Promise<Worker> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./extract-thread.${extension}`, import.meta.url), {
    name: 'extract',
    workerData: { ocr, maxRecognisedPages } satisfies ExtractThreadData,
    resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
  });
  await nextReply(worker, () => () => undefined);
  worker.on('message', (reply: ExtractReply) => {
    if (reply.type === 'recognising' && reply.active) onRecognising?.(reply.page);
  });
  return worker;
}

async function ask(worker: Worker, request: ExtractRequest, limits: ExtractLimits): Promise<Extracted> {
  const replied = nextReply(worker, (fail) => watch(worker, limits, fail));
  worker.postMessage(request);
  const reply = await replied;
  if (reply.type === 'done') return reply.extracted;
  if (reply.type === 'refused') throw new RefusedError(reply.reason, reply.message);
  throw new ExtractError('failed', 'Reading failed: unexpected reply.');
}

type Fail = (error: ExtractError) => void;

/** Resolves with the next answer of a thread; rejects when the thread ends or the watch says so. */
function nextReply(worker: Worker, arm: (fail: Fail) => () => void): Promise<ExtractReply> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      disarm();
      act();
    };
    // Under `node --watch` the runtime itself sends messages from the thread, which have no type.
    const onMessage = (reply: ExtractReply) => {
      if ('type' in reply && reply.type !== 'recognising') settle(() => resolve(reply));
    };
    const onError = (error: unknown) => settle(() => reject(threadError(error)));
    const onExit = () => settle(() => reject(new ExtractError('failed', 'The reading thread ended.')));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    const disarm = arm((error) => settle(() => reject(error)));
  });
}

function threadError(cause: unknown): ExtractError {
  if ((cause as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY') return memoryError(cause);
  return new ExtractError('failed', `Reading failed: ${String(cause)}`, { cause });
}

function memoryError(cause?: unknown): ExtractError {
  return new ExtractError('memory', 'Reading the file needs more memory than is allowed.', { cause });
}

/** Says so once time or memory is over. Returns what ends the watch. */
function watch(worker: Worker, { maxMs, maxExternalMb }: ExtractLimits, fail: Fail): () => void {
  const times = { maxMs, maxTotalMs: maxMs + MAX_RECOGNITION_MS };
  const stopClocks = startClocks(worker, times, (limitMs) => {
    const message = `Reading the file takes longer than the allowed ${limitMs / 1000} seconds.`;
    fail(new ExtractError('timeout', message));
  });
  const checkMemory = async () => {
    const { external_memory: bytes } = await worker.getHeapStatistics();
    if (bytes > maxExternalMb * MIB) fail(memoryError());
  };
  // A thread that ended meanwhile rejects the question; its end is told by its own events.
  const memoryTimer = setInterval(() => void checkMemory().catch(() => undefined), MEMORY_CHECK_MS);
  return () => {
    stopClocks();
    clearInterval(memoryTimer);
  };
}
