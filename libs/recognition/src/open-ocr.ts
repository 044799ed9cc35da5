import { Worker } from 'node:worker_threads';
import { type Recognise, type Recognition, type RecognisedPage, UnreadableError } from '@longshore/documents';
import type { OcrReply, OcrRequest, OcrThreadData } from './ocr-messages.ts';

const MEMORY_CHECK_MS = 200;
const MIB = 1024 * 1024;
const HEAP_MB = 256;

/** What recognition may cost, and which languages it looks for. */
export interface OcrSettings {
  /** Codes of languages, of a workflow that names none itself. */
  readonly languages: readonly string[];
  /** Folder with data of languages beyond those that ship with the platform. */
  readonly folder: string | undefined;
  /** Time for one page. */
  readonly maxPageMs: number;
  /** Memory of the thread of one file outside the heap, in MiB: the picture, and all that the recogniser holds. */
  readonly maxMemoryMb: number;
  readonly maxPixels: number;
}

/** Is told when a page is begun and when it is done, and which, counted from 1. */
type OnRecognising = (isRecognising: boolean, page: number) => void;

/**
 * Recognises text in a thread of its own for each file, which ends with the file: what decoders of pictures and of PDF do
 * with memory touches nothing else. Of the memory of the process some 80 MiB stay after the first file; more files add none.
 */
export function createRecognise(settings: OcrSettings, onRecognising: OnRecognising): Recognise {
  return ({ format, bytes, languages = settings.languages }) => {
    const { folder, maxPixels } = settings;
    const data: OcrThreadData = { format, bytes, languages, folder, maxPixels };
    let worker: Worker | undefined;
    const page: Recognition['page'] = async (number) => {
      worker ??= startThread(data);
      onRecognising(true, number);
      try {
        return await recognisePage(worker, number, settings);
      } finally {
        onRecognising(false, number);
      }
    };
    return { page, close: async () => void (await worker?.terminate()) };
  };
}

/** `.ts` as in development, `.js` beside the bundle in production. */
function startThread(data: OcrThreadData): Worker {
  const entry = import.meta.url.endsWith('.ts') ? './ocr-thread.ts' : './ocr-thread.js';
  return new Worker(new URL(entry, import.meta.url), {
    name: 'recogniser',
    workerData: data,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
}

function recognisePage(worker: Worker, page: number, limits: OcrSettings): Promise<RecognisedPage> {
  return new Promise((resolve, reject) => {
    const fail = (reason: 'corrupt' | 'not_recognised', message: string, cause?: unknown) =>
      settle(() =>
        reject(new UnreadableError(reason, `Page ${page} cannot be recognised: ${message}.`, { cause })),
      );
    const onReply = (reply: OcrReply) => {
      // Under `node --watch` the runtime itself sends messages from the thread, which have no type.
      if (!('type' in reply)) return;
      if (reply.type === 'failed') fail(reply.reason, reply.message);
      else settle(() => resolve(reply.page));
    };
    const onError = (error: unknown) => fail('not_recognised', 'the recogniser failed', error);
    const onExit = () => fail('not_recognised', 'the recogniser ended unexpectedly');
    const stopWatch = watch(worker, limits, (message) => fail('not_recognised', message));
    const settle = (act: () => void) => {
      worker.off('message', onReply).off('error', onError).off('exit', onExit);
      stopWatch();
      act();
    };
    worker.on('message', onReply).on('error', onError).on('exit', onExit);
    worker.postMessage({ page } satisfies OcrRequest);
  });
}

/** Calls `stop` once time or memory of a page is over. Returns what ends the watch. */
function watch(worker: Worker, limits: OcrSettings, stop: (message: string) => void): () => void {
  const timer = setTimeout(
    () => stop(`it takes longer than the allowed ${limits.maxPageMs / 1000} seconds`),
    limits.maxPageMs,
  );
  const checkMemory = async () => {
    const { external_memory: bytes } = await worker.getHeapStatistics();
    if (bytes > limits.maxMemoryMb * MIB) stop('it needs more memory than is allowed');
  };
  // A thread that ended meanwhile rejects the question; its end is reported by its own events.
  const memoryTimer = setInterval(() => void checkMemory().catch(() => undefined), MEMORY_CHECK_MS);
  return () => {
    clearTimeout(timer);
    clearInterval(memoryTimer);
  };
}
