/* Entry of a thread that carries out runs. */
import { workerData } from 'node:worker_threads';
import type { IsolateThreadData, ToIsolate } from './messages.ts';
import { serveRuns } from './serve-runs.ts';

const { port } = workerData as IsolateThreadData;
const hear = serveRuns((message) => port.postMessage(message));
port.on('message', (message: ToIsolate) => hear(message));
