/** Entry of a reading thread: it reads one file after the other, as the pool asks. */
import { parentPort, workerData } from 'node:worker_threads';
import { createRecognise } from '@longshore/recognition';
import { createFileReader } from './file-reader.ts';
import type { ReaderThreadData, ReadingReply, ReadingRequest } from './messages.ts';

if (parentPort === null) throw new Error('The reader runs only as a worker thread.');
const port = parentPort;
const { ceiling, ocr } = workerData as ReaderThreadData;
const tellRecognising = (active: boolean, page: number) =>
  port.postMessage({ type: 'recognising', active, page } satisfies ReadingReply);
const answer = createFileReader(ceiling, ocr && createRecognise(ocr, tellRecognising));

port.on('message', (request: ReadingRequest) => {
  void answer(request).then((reply) => port.postMessage(reply));
});
port.postMessage({ type: 'ready' } satisfies ReadingReply);
