import { MessageChannel, Worker } from 'node:worker_threads';
import { endsInTime } from './ends-in-time.ts';
import { entryUrl } from './entry-url.ts';
import type { Isolate, IsolateEnd, IsolateLimits } from './isolate.ts';
import { isolateEnv, outOfMemory } from './isolate.ts';
import { eachLine } from './output-lines.ts';
import { createTeller } from './teller.ts';

const CHECK_EVERY_MS = 200;
const MIB = 1024 * 1024;
/** Space for the youngest objects. Left alone the engine lets it grow to several times that, beside what the thread may have, and keeps it. */
const YOUNG_HEAP_MB = 48;

/**
 * Starts a thread of runs. Its heap is bounded by the engine; memory outside of it is looked at several times a second. (What the engine
 * allocates in one step beyond the heap ends the whole process: against that only a process of its own helps.)
 */
export function startThread(limits: IsolateLimits): Isolate {
  const { port1: port, port2 } = new MessageChannel();
  const worker = new Worker(entryUrl('isolate-thread', import.meta.url), {
    ...{ name: 'runs', env: isolateEnv(), stdout: true, stderr: true },
    ...{ workerData: { port: port2 }, transferList: [port2] },
    resourceLimits: { maxOldGenerationSizeMb: limits.memoryMb, maxYoungGenerationSizeMb: YOUNG_HEAP_MB },
  });
  const teller = createTeller();
  let alive = true;
  let end: IsolateEnd | undefined;

  const checking = setInterval(() => void checkMemory(), CHECK_EVERY_MS).unref();
  const checkMemory = async (): Promise<void> => {
    const { external_memory: bytes } = await worker.getHeapStatistics().catch(() => NOTHING_USED);
    if (bytes <= limits.memoryMb * MIB) return;
    end ??= outOfMemory(limits);
    await worker.terminate();
  };
  worker.on('error', (error) => (end ??= endOf(error, limits)));
  worker.on('exit', (code) => {
    alive = false;
    clearInterval(checking);
    port.close();
    teller.gone(end ?? { code: 'crashed', message: `It ended its thread with code ${code}`, detail: null });
  });
  port.on('message', teller.said);
  eachLine(worker.stdout, (line) => teller.wrote(line, 'stdout'));
  eachLine(worker.stderr, (line) => teller.wrote(line, 'stderr'));
  port.unref();
  worker.unref();
  return {
    isAlive: () => alive,
    send: (message) => port.postMessage(message),
    listen: teller.listen,
    // In a call of native code that does not return (of `execFileSync`, say) it cannot be ended.
    kill: () => endsInTime(worker.terminate()),
  };
}

/** Of a thread that is gone already. */
const NOTHING_USED = { external_memory: 0 };

function endOf(error: unknown, limits: IsolateLimits): IsolateEnd {
  if ((error as NodeJS.ErrnoException | null)?.code === 'ERR_WORKER_OUT_OF_MEMORY')
    return outOfMemory(limits);
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return {
    code: 'crashed',
    message: `An error that nobody caught ended its thread: ${message}`,
    detail: stack ?? null,
  };
}
