/** Entry of a reading thread: it reads one file after the other, as the pool asks. */
import { parentPort, workerData } from 'node:worker_threads';
import { type CompiledWorkflow, compileWorkflow, readDocument, UnreadableError } from '@longshore/documents';
import type { ReaderThreadData, ReadingReply, ReadingRequest, ReadingResult } from './messages.ts';

if (parentPort === null) throw new Error('The reader runs only as a worker thread.');
const port = parentPort;
const { ceiling } = workerData as ReaderThreadData;
const workflows = new Map<string, CompiledWorkflow>();

port.on('message', (request: ReadingRequest) => {
  void answer(request).then((reply) => port.postMessage(reply));
});
port.postMessage({ type: 'ready' } satisfies ReadingReply);

async function answer(request: ReadingRequest): Promise<ReadingReply> {
  const workflow = keptWorkflow(request);
  if (typeof workflow === 'string') return { type: 'bad_definition', message: workflow };
  try {
    return { type: 'done', result: await read(request, workflow) };
  } catch (error) {
    if (error instanceof UnreadableError)
      return { type: 'unreadable', detail: error.reason, message: error.message };
    return {
      type: 'crashed',
      message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
  }
}

/** The compiled workflow of a request, or what is wrong with its definition. */
function keptWorkflow({ forget, definitionId, definition }: ReadingRequest): CompiledWorkflow | string {
  if (forget) workflows.clear();
  const kept = workflows.get(definitionId);
  if (kept !== undefined) return kept;
  if (definition === undefined) return 'The definition was not sent.';
  try {
    const workflow = compileWorkflow(definition, ceiling);
    workflows.set(definitionId, workflow);
    return workflow;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function read(request: ReadingRequest, workflow: CompiledWorkflow): Promise<ReadingResult> {
  const started = performance.now();
  const document = await readDocument(request.bytes, { name: request.name, limits: workflow.limits });
  const { output, problems } = workflow.structure(document);
  const { kind, mediaType, pageCount, text } = document;
  return {
    output,
    problems,
    document: { kind, mediaType, pageCount, characters: text.length },
    ...(request.includeText ? { text } : {}),
    elapsedMs: performance.now() - started,
  };
}
