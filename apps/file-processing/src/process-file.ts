import { posix } from 'node:path';
import { coreWorkers, pipelineTasks } from '@longshore/contracts';
import type { Task, TaskContext } from '@longshore/tasks';
import { defineTask, TaskError } from '@longshore/tasks';
import { z } from 'zod';
import type { ReadingResult } from './reading/messages.ts';
import { ReadingError } from './reading/reading-error.ts';
import type { ReadingPool } from './reading/reading-pool.ts';

const [FILE_QUEUE] = coreWorkers['file-processing'].queues;

/** How a file is reported: its fields, what kind of document it was, and its text where that was asked for. */
export interface ProcessedFile {
  readonly output: ReadingResult['output'];
  /** What is wrong with fields without making the file a failure. */
  readonly problems?: ReadingResult['problems'];
  /** What stood in the document, where, and how well it fits its label, for each value. */
  readonly fields?: ReadingResult['fields'];
  readonly extracted_text?: string;
  readonly document: {
    readonly kind: string;
    readonly media_type: string;
    readonly pages: number;
    readonly characters: number;
    readonly warnings?: readonly string[];
  };
  readonly elapsed_ms: number;
}

/** Reads one file and structures it by the workflow of its execution. */
export function createProcessFile(pool: Pick<ReadingPool, 'process'>): Task {
  return defineTask({
    name: pipelineTasks.processFile,
    queue: FILE_QUEUE,
    description: 'Reads one file and structures it by its workflow.',
    input: z.object({ file_name: z.string(), sha256: z.string().min(1) }),
    softLimitMs: 6_300_000,
    hardLimitMs: 7_200_000,
    handler: (_input, context) => processFile(pool, context),
  });
}

async function processFile(pool: Pick<ReadingPool, 'process'>, context: TaskContext): Promise<ProcessedFile> {
  const { file, execution, signal } = context;
  if (file === null || execution === null) {
    throw new TaskError('no_file', 'This run has no file to work on', { retryable: false });
  }
  const startedAt = performance.now();
  const [bytes, definition] = await Promise.all([file.bytes(), context.workflowDefinition()]);
  const result = await pool
    .process(bytes, {
      // Of a pipeline it is the path below its source; rules about names mean the name alone.
      name: posix.basename(file.name),
      customData: execution.custom_data,
      definition,
      definitionId: execution.workflow_version_id,
      signal,
      // Always kept: clients may ask for the text when they read the result.
      includeText: true,
    })
    .catch(failAsTask);
  refuseIncomplete(result);
  const { output, problems, text, document, fields = {} } = result;
  return {
    output,
    ...(problems.length > 0 && { problems }),
    ...(Object.keys(fields).length > 0 && { fields }),
    ...(text !== undefined && { extracted_text: text }),
    document: {
      kind: document.kind,
      media_type: document.mediaType,
      pages: document.pageCount,
      characters: document.characters,
      ...(document.warnings.length > 0 && { warnings: document.warnings }),
    },
    elapsed_ms: Math.round(performance.now() - startedAt),
  };
}

/** The same file fails the same way again for these; the others come from outside of it. */
const FILES_OWN_FAULT = new Set(['unreadable', 'timeout', 'memory', 'bad_definition']);

function failAsTask(error: unknown): never {
  if (!(error instanceof ReadingError)) throw error;
  const { reason, detail, message } = error;
  throw new TaskError(detail ?? reason, message, { retryable: !FILES_OWN_FAULT.has(reason), cause: error });
}

/** A result that lacks what had to be there is no success; what was found is kept beside the reasons. */
function refuseIncomplete({ output, problems, fields }: ReadingResult): void {
  const reasons = problems.filter(({ outcome }) => outcome === 'fail');
  if (reasons.length === 0) return;
  const message = reasons.map((problem) => problem.message).join(' ');
  throw new TaskError('incomplete', message, {
    retryable: false,
    output: { output, problems, ...(fields !== undefined && { fields }) },
  });
}
