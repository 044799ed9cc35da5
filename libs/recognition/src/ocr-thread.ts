/** Entry of a recognising thread: it works on one file, page by page, and ends with it. */
import { parentPort, workerData } from 'node:worker_threads';
import type { OcrReply, OcrRequest, OcrThreadData } from './ocr-messages.ts';
import { createPageReader } from './page-reader.ts';
import { PictureError } from './picture-error.ts';

if (parentPort === null) throw new Error('Text is recognised only in a worker thread.');
const port = parentPort;
const readPage = createPageReader(workerData as OcrThreadData);

port.on('message', ({ page }: OcrRequest) => {
  void readPage(page)
    .then<OcrReply, OcrReply>((recognised) => ({ type: 'page', page: recognised }), failed)
    .then((reply) => port.postMessage(reply));
});

/** What a decoder does not understand says nothing good about the file; its own words would help nobody. */
function failed(error: unknown): OcrReply {
  if (error instanceof PictureError) return { type: 'failed', reason: error.reason, message: error.message };
  return { type: 'failed', reason: 'not_recognised', message: 'the recogniser failed' };
}
