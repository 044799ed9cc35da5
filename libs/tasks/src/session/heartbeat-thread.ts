/*
 * Entry of the heartbeat thread: says that this process is alive, however busy its main loop is, and answers at its health port.
 */
import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { createBeat } from './beat.ts';
import type { FromThread, HeartbeatThreadData, ToThread } from './heartbeat-messages.ts';
import { activeIn, loopAgeMsIn } from './heartbeat-messages.ts';
import { openHealthFront } from './health-front.ts';

if (parentPort === null) throw new Error('The heartbeat runs only as a worker thread.');
const port = parentPort;
const data = workerData as HeartbeatThreadData;
const cells = new BigInt64Array(data.pulse);

const { hear } = createBeat({
  ...data,
  tell: (message: FromThread) => port.postMessage(message),
  onStuck: giveUp,
});
port.on('message', (message: ToThread) => hear(message));
if (data.health !== undefined) {
  openHealthFront({
    channel: data.health,
    loopAgeMs: () => loopAgeMsIn(cells),
    active: () => activeIn(cells),
  });
}

/** Gives the session's runs to others, and the process to its supervisor. */
async function giveUp(endSession: () => Promise<unknown>): Promise<void> {
  await endSession().catch(() => undefined);
  const { worker } = data;
  const message = 'main loop stands still behind the hard limit of a run, this process is ended';
  // Straight to the file: a thread's own streams go through the main loop.
  writeSync(1, `${JSON.stringify({ time: new Date().toISOString(), level: 'error', worker, message })}\n`);
  process.kill(process.pid, 'SIGKILL');
}
