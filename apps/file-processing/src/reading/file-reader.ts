import {
  type CompiledWorkflow,
  compileWorkflow,
  readDocument,
  type Recognise,
  type ReadLimits,
  UnreadableError,
} from '@longshore/documents';
import type { ReadingReply, ReadingRequest, ReadingResult } from './messages.ts';

/** Reads one file and says what came of it. Never rejects. */
export type FileReader = (request: ReadingRequest) => Promise<ReadingReply>;

/** Creates a reader that keeps the workflows that it has prepared. `ceiling` bounds what workflows may allow. Without `recognise`, pictures are refused. */
export function createFileReader(ceiling: Partial<ReadLimits>, recognise?: Recognise): FileReader {
  const workflows = new Map<string, CompiledWorkflow>();
  return async function answer(request) {
    const workflow = keptWorkflow(workflows, request, ceiling);
    if (typeof workflow === 'string') return { type: 'bad_definition', message: workflow };
    try {
      return { type: 'done', result: await read(request, workflow, recognise) };
    } catch (error) {
      if (error instanceof UnreadableError)
        return { type: 'unreadable', detail: error.reason, message: error.message };
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      return { type: 'crashed', message, stack: stack ?? message };
    }
  };
}

/** The compiled workflow of a request, or what is wrong with its definition. */
function keptWorkflow(
  workflows: Map<string, CompiledWorkflow>,
  { forget, definitionId, definition }: ReadingRequest,
  ceiling: Partial<ReadLimits>,
): CompiledWorkflow | string {
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

async function read(
  request: ReadingRequest,
  workflow: CompiledWorkflow,
  recognise: Recognise | undefined,
): Promise<ReadingResult> {
  const started = performance.now();
  const { name, customData } = request;
  const document = await readDocument(request.bytes, {
    ...{ name, limits: workflow.limits, recognise },
    ...workflow.reading,
  });
  const { output, problems, fields } = await workflow.examine(document, { name, customData });
  const { kind, mediaType, pageCount, text, warnings = [] } = document;
  return {
    output,
    problems,
    fields,
    document: { kind, mediaType, pageCount, characters: text.length, warnings },
    ...(request.includeText ? { text } : {}),
    elapsedMs: performance.now() - started,
  };
}
