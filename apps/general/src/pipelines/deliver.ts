import { FolderError, openFolderDestination, type AllowedFolders } from '@longshore/connectors';
import {
  ApiError,
  type PipelineDestination,
  type PipelineFile,
  type PipelineResult,
} from '@longshore/contracts';
import { TaskError, type TaskContext } from '@longshore/tasks';

/** Where results go. */
export interface Delivery {
  /** Hands one result on; again does no harm. Answers why this one cannot be; null: it is there. */
  deliver(file: PipelineFile, result: () => Promise<PipelineResult>): Promise<string | null>;
  close(): Promise<void>;
}

export interface DeliveryOptions {
  readonly pipelineId: string;
  readonly destination: PipelineDestination;
  readonly folders: AllowedFolders;
  readonly context: Pick<TaskContext, 'run' | 'signal'>;
}

/** Results that nobody wants written are delivered by being there. */
const NOWHERE: Delivery = { deliver: () => Promise.resolve(null), close: () => Promise.resolve() };

/** Opens the destination of an execution. @throws {TaskError} when it cannot be used */
export async function openDelivery(options: DeliveryOptions): Promise<Delivery> {
  const { destination, folders, context } = options;
  if (destination === 'none') return NOWHERE;
  const { path } = destination.folder;
  const { executionId: owner } = context.run;
  const folder = await openFolderDestination({ folders, path, owner }).catch(failAsDestination);
  return {
    async deliver(file, result) {
      const found = await foundIn(result);
      if (typeof found === 'string') return found;
      const text = textOf(options, file, found);
      try {
        await folder.write(`${file.path}.json`, text, context.signal);
        return null;
      } catch (error) {
        context.signal.throwIfAborted();
        if (error instanceof FolderError) return error.message;
        return failAsDestination(error);
      }
    },
    close: () => folder.close(),
  };
}

/** A result that cannot be read is the matter of its file. */
async function foundIn(result: () => Promise<PipelineResult>): Promise<PipelineResult | string> {
  try {
    return await result();
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return error.message;
    throw error;
  }
}

/** The same for each attempt: what is written twice is written alike. */
function textOf(
  { pipelineId, context }: DeliveryOptions,
  { path, size, sha256 }: PipelineFile,
  { output, problems, document }: PipelineResult,
): string {
  const content = {
    ...{ file: path, size, sha256, pipeline_id: pipelineId, execution_id: context.run.executionId },
    ...{ output, problems, document },
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

function failAsDestination(error: unknown): never {
  const { code, message } = error as NodeJS.ErrnoException;
  const refused = error instanceof FolderError && error.problem === 'not_allowed';
  const why = error instanceof FolderError ? message : (code ?? message);
  throw new TaskError('destination_failed', `The destination cannot be written: ${why}`, {
    retryable: !refused,
    cause: error,
  });
}
