/** Entry of a reading thread: it reads one file after the other, as the pool asks. */
import { parentPort, workerData } from 'node:worker_threads';
import { createFileReader } from './file-reader.ts';
import type { ReaderThreadData, ReadingReply, ReadingRequest } from './messages.ts';

if (parentPort === null) throw new Error('The reader runs only as a worker thread.');
const port = parentPort;
const { ceiling } = workerData as ReaderThreadData;
const answer = createFileReader(ceiling);

port.on('message', (request: ReadingRequest) => {
  void answer(request).then((reply) => port.postMessage(reply));
});
port.postMessage({ type: 'ready' } satisfies ReadingReply);
