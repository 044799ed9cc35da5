/** Entry of the thread in which a file is read: what a hostile one does there can be stopped from outside. */
import { parentPort, workerData } from 'node:worker_threads';
import { compileWorkflow, readDocument, UnreadableError } from '@longshore/documents';
import { createRecognise } from '@longshore/recognition';
import type { Extracted, ExtractReply, ExtractRequest, ExtractThreadData } from './messages.ts';

if (parentPort === null) throw new Error('Files are extracted only in a worker thread.');
const port = parentPort;
const { ocr, maxRecognisedPages } = workerData as ExtractThreadData;
const tellRecognising = (active: boolean, page: number) =>
  port.postMessage({ type: 'recognising', active, page } satisfies ExtractReply);
const recognise = ocr && createRecognise(ocr, tellRecognising);

port.on('message', (request: ExtractRequest) => {
  void answer(request).then((reply) => port.postMessage(reply));
});
port.postMessage({ type: 'ready' } satisfies ExtractReply);

async function answer(request: ExtractRequest): Promise<ExtractReply> {
  try {
    return { type: 'done', extracted: await extract(request) };
  } catch (error) {
    const { message } = error instanceof Error ? error : new Error(String(error));
    return { type: 'refused', reason: error instanceof UnreadableError ? error.reason : 'failed', message };
  }
}

async function extract({ bytes, name, definition, customData, layout }: ExtractRequest): Promise<Extracted> {
  const workflow = definition && compileWorkflow(definition);
  const document = await readDocument(bytes, {
    name,
    limits: { ...(maxRecognisedPages !== undefined && { maxRecognisedPages }), ...workflow?.limits },
    recognise,
    ...workflow?.reading,
    ...(layout && { layout }),
  });
  const { kind, pageCount: pages, text, warnings = [] } = document;
  const explanation = await workflow?.explain(document, { name, customData });
  return { kind, pages, text, warnings, ...(explanation !== undefined && { explanation }) };
}
