/*
 * Entry of the heartbeat thread: says that this process is alive, however busy its main loop is.
 */
import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { createBeat } from './beat.ts';
import type { FromThread, HeartbeatData, ToThread } from './heartbeat-messages.ts';

if (parentPort === null) throw new Error('The heartbeat runs only as a worker thread.');
const port = parentPort;
const data = workerData as HeartbeatData;

const { hear } = createBeat({
  ...data,
  tell: (message: FromThread) => port.postMessage(message),
  onStuck: giveUp,
});
port.on('message', (message: ToThread) => hear(message));

/** Gives the session's runs to others, and the process to its supervisor. */
async function giveUp(endSession: () => Promise<unknown>): Promise<void> {
  await endSession().catch(() => undefined);
  const { worker } = data;
  const message = 'main loop stands still behind the hard limit of a run, this process is ended';
  // Straight to the file: a thread's own streams go through the main loop.
  writeSync(1, `${JSON.stringify({ time: new Date().toISOString(), level: 'error', worker, message })}\n`);
  process.kill(process.pid, 'SIGKILL');
}
