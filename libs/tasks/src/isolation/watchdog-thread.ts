/*
 * Entry of a thread inside each process of runs: it ends all that was started there, and the process itself, when the worker is gone or too
 * much memory is used, whatever the main loop does. It sees the worker's end of a pipe close when the worker ends, even by SIGKILL.
 */
import { readFileSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { parentPort } from 'node:worker_threads';
import { FAMILY_MARK, familyLister, killFamily, memoryOf } from './process-family.ts';
import { removeScratch, scratchOf } from './scratch.ts';
import { OUT_OF_MEMORY, WATCH_FD } from './watch-pipe.ts';

const CHECK_EVERY_MS = 100;
/** Of a core, for listing processes: where there are many it is done less often. */
const LISTING_SHARE = 0.05;
const MIB = 1024 * 1024;

/** What a handler may use beside what this process needed before it loaded one. */
const mostBytes = process.memoryUsage.rss() + Number(process.argv[2]) * MIB;
const family = { leader: process.pid, mark: process.env[FAMILY_MARK] ?? '' };
const members = familyLister(family);
const pipe = new Socket({ fd: WATCH_FD });
let listAgainAt = 0;
let isEnding = false;

async function endAll(): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  try {
    await killFamily(family);
    await removeScratch(scratchOf(family.mark));
  } finally {
    process.kill(-process.pid, 'SIGKILL');
  }
}

/** Bytes of this process and all that was started in it. */
function used(): number {
  const own = process.memoryUsage.rss();
  const begunAt = performance.now();
  if (own > mostBytes || begunAt < listAgainAt || !hasChildren()) return own;
  const bytes = memoryOf(members(), mostBytes);
  const now = performance.now();
  listAgainAt = now + (now - begunAt) / LISTING_SHARE;
  return bytes;
}

/** Asked first, since it costs next to nothing. Where the system does not tell, there may be some. */
function hasChildren(): boolean {
  try {
    return readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1') !== '';
  } catch {
    return true;
  }
}

pipe.on('error', () => void endAll());
pipe.on('close', () => void endAll());
pipe.resume();
setInterval(() => {
  if (isEnding || used() <= mostBytes) return;
  try {
    writeSync(WATCH_FD, OUT_OF_MEMORY);
  } finally {
    void endAll();
  }
}, CHECK_EVERY_MS);
parentPort?.postMessage('watching');
