import {
  ApiError,
  type PipelineDestination,
  type PipelineFile,
  type PipelineResult,
} from '@longshore/contracts';
import { TaskError, type TaskContext } from '@longshore/tasks';
import { bucketWriter } from './deliver-to-bucket.ts';
import { folderWriter } from './deliver-to-folder.ts';
import { tableWriter } from './deliver-to-table.ts';
import { webhookWriter } from './deliver-to-webhook.ts';
import type { PipelineMeans } from './pipeline-settings.ts';

/** Where results go. */
export interface Delivery {
  /** Hands one result on; again does no harm. Answers why this one cannot be; null: it is there. */
  deliver(file: PipelineFile, result: () => Promise<PipelineResult>): Promise<string | null>;
  close(): Promise<void>;
}

export type DeliveryMeans = Pick<PipelineMeans, 'folders' | 'web' | 'databases' | 'connections' | 'webhooks'>;

export interface DeliveryOptions {
  readonly pipelineId: string;
  readonly destination: PipelineDestination;
  readonly means: DeliveryMeans;
  readonly context: Pick<TaskContext, 'run' | 'signal' | 'pipelineFiles' | 'workflowDefinition'>;
}

/** What writes results to one kind of destination. */
export interface ResultWriter {
  /** Writes one result; again replaces it. Throws what `failureOf` understands. */
  write(file: PipelineFile, result: PipelineResult): Promise<void>;
  /** What a failed write or opening is about: this file alone, or the destination; null: it is neither, and passes as it is. */
  failureOf(error: unknown): DestinationFailure | null;
  close(): Promise<void>;
}

export interface DestinationFailure {
  readonly about: 'file' | 'destination';
  readonly message: string;
  readonly retryable: boolean;
}

/** Results that nobody wants written are delivered by being there. */
const NOWHERE: Delivery = { deliver: () => Promise.resolve(null), close: () => Promise.resolve() };

/** Opens the destination of an execution, which shows whether it can be used. @throws {TaskError} when it cannot */
export async function openDelivery(options: DeliveryOptions): Promise<Delivery> {
  const { context } = options;
  const writer = await openWriter(options);
  if (writer === null) return NOWHERE;
  return {
    async deliver(file, result) {
      const found = await foundIn(result);
      if (typeof found === 'string') return found;
      try {
        await writer.write(file, found);
        return null;
      } catch (error) {
        context.signal.throwIfAborted();
        const failure = writer.failureOf(error);
        if (failure?.about === 'file') return failure.message;
        throw failure === null ? error : destinationError(failure, error);
      }
    },
    close: () => writer.close(),
  };
}

/** Null: results go nowhere. */
async function openWriter(options: DeliveryOptions): Promise<ResultWriter | null> {
  const { destination } = options;
  if (destination === 'none') return null;
  const { folder, s3, postgresql, webhook } = destination;
  if (folder !== undefined) return await folderWriter(folder, options);
  if (s3 !== undefined) return await bucketWriter(s3, options);
  if (postgresql !== undefined) return await tableWriter(postgresql, options);
  return await webhookWriter(webhook!, options);
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

/** The destination as a whole cannot be used. */
export function destinationError(
  { message, retryable }: Pick<DestinationFailure, 'message' | 'retryable'>,
  cause: unknown,
): TaskError {
  return new TaskError('destination_failed', `The destination cannot be written: ${message}`, {
    retryable,
    cause,
  });
}
