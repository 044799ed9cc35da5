/* Entry of a process that carries out runs. It leads a process group, which ends with it, and with the worker that started it. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { entryUrl } from './entry-url.ts';
import type { FromIsolate, ToIsolate } from './messages.ts';
import { FAMILY_LEADER } from './process-family.ts';
import { serveRuns } from './serve-runs.ts';

const { send } = process;
if (send === undefined)
  throw new Error('Runs are carried out for a worker alone, which speaks over a channel.');

process.env[FAMILY_LEADER] = String(process.pid);
// A handler may keep the main loop for good; what ends this process then needs a loop of its own.
const watchdog = new Worker(entryUrl('watchdog-thread', import.meta.url), { argv: process.argv.slice(2) });
watchdog.unref();
await once(watchdog, 'message');

// Told to everybody by service managers and terminals. The worker decides what becomes of its runs.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);

const tell = send.bind(process);
const hear = serveRuns((message: FromIsolate) => void tell(message));
process.on('message', (message: ToIsolate) => hear(message));
// Libraries take it for the channel of a process manager, and say things on it that nobody here understands.
delete process.send;
