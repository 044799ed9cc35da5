import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { endsInTime } from './ends-in-time.ts';
import { entryUrl } from './entry-url.ts';
import type { Isolate, IsolateEnd, IsolateLimits, IsolateListener } from './isolate.ts';
import { isolateEnv, outOfMemory } from './isolate.ts';
import { eachLine } from './output-lines.ts';
import { FAMILY_MARK, killFamily } from './process-family.ts';
import { removeScratch, scratchOf } from './scratch.ts';
import { createTeller } from './teller.ts';
import { OUT_OF_MEMORY, WATCH_FD } from './watch-pipe.ts';

/** What the engine takes beside a full heap for code and for objects that are young, MiB. */
const BESIDE_HEAP_MB = 64;
/** Of what a process said last, for whoever wants to know why it crashed. */
const KEPT_WORDS = 4_000;
/** What was started by it may hold its output open, out of reach of its group. */
const LAST_WORDS_MS = 1_000;

/**
 * Starts a process of runs, which leads a process group: with it ends whatever was started in it. The heap is bounded by the engine, the
 * memory that the process and all that it started take altogether by that and what the engine needs beside it.
 */
export function startProcess(limits: IsolateLimits): Isolate {
  const mark = randomUUID();
  const child = fork(fileURLToPath(entryUrl('isolate-process', import.meta.url)), [mostMbOf(limits)], {
    detached: true,
    serialization: 'advanced',
    execArgv: ['--enable-source-maps', `--max-old-space-size=${limits.memoryMb}`],
    env: { ...isolateEnv(), [FAMILY_MARK]: mark },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
  });
  const teller = createTeller();
  // Of a start that failed its end tells; whatever else goes wrong with it shows in its end too.
  child.on('error', () => undefined);
  // Without its channel it can neither be told anything nor say that it is done.
  child.on('disconnect', () => killGroup(child));
  const said = heard(child, teller.wrote);
  const ended = endOf(child, mark).then((how) => teller.gone(meaningOf(how, said.words(), limits)));
  child.on('message', teller.said);
  return {
    isAlive: () => child.connected && child.exitCode === null && child.signalCode === null,
    // One that is ending takes no message; that it has ended is told soon.
    send: (message) => void (child.connected && child.send(message, () => undefined)),
    listen: (listener) => {
      said.forget();
      teller.listen(listener);
    },
    kill: () => {
      killGroup(child);
      return endsInTime(ended);
    },
  };
}

function mostMbOf({ memoryMb }: IsolateLimits): string {
  return String(memoryMb + BESIDE_HEAP_MB);
}

/** What was said last, for whoever wants to know how it came to its end. */
interface Words {
  /** On its standard error. */
  readonly words: string;
  /** By what watches over it. */
  readonly note: string;
}

/** Tells its lines, and keeps the last words until they are to be forgotten. */
function heard(child: ChildProcess, wrote: IsolateListener['wrote']) {
  let words = '';
  let note = '';
  eachLine(child.stdout as Readable, (line) => wrote(line, 'stdout'));
  eachLine(child.stderr as Readable, (line) => {
    words = `${words}${line}\n`.slice(-KEPT_WORDS);
    wrote(line, 'stderr');
  });
  const watch = child.stdio[WATCH_FD] as Readable;
  watch.on('data', (chunk: Buffer) => (note = `${note}${chunk.toString()}`.slice(-KEPT_WORDS)));
  watch.on('error', () => undefined);
  return { words: (): Words => ({ words, note }), forget: (): void => void (words = '') };
}

/** How it ended, in words, once nothing of its group is left and its last words are read. Never rejects. */
async function endOf(child: ChildProcess, mark: string): Promise<string> {
  const closed = once(child, 'close');
  closed.catch(() => undefined);
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    killGroup(child);
    if (child.pid !== undefined) await killFamily({ leader: child.pid, mark });
    await removeScratch(scratchOf(mark));
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS).unref())]);
    return signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
  } catch (error) {
    return `could not be started: ${(error as Error).message}`;
  }
}

function meaningOf(how: string, { words, note }: Words, limits: IsolateLimits): IsolateEnd {
  const detail = words === '' ? null : words;
  if (note.includes(OUT_OF_MEMORY) || words.includes('heap out of memory'))
    return outOfMemory(limits, detail);
  return { code: 'crashed', message: `Its process ${how}`, detail };
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}
