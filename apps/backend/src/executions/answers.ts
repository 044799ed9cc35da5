import {
  ApiError,
  apiError,
  errorCodes,
  type ExecuteResponse,
  type ExecutionStatus,
  type ExecutionStatusResponse,
  type FileResult,
} from '@longshore/contracts';
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Deployment } from '../deployments/deployments.ts';
import { isOutOfReach } from '../store/database.ts';
import type { Acceptance } from './accept.ts';
import { hasEnded, statusOf, type Outcomes } from './outcome.ts';
import type { StoredExecution } from './outcome-reads.ts';
import { parseResultFlags, type ExecutionFields, type ResultFlags } from './request-fields.ts';
import type { ExecutionWaiters } from './waiters.ts';

export interface AnswerDependencies {
  readonly outcomes: Outcomes;
  readonly waiters: ExecutionWaiters;
  /** Fires when the backend stops: waiting requests are answered with what is known. */
  readonly stopping: AbortSignal;
}

/** A request that was taken in: its execution, which may be one that an earlier request began. */
export interface TakenIn extends Acceptance {
  readonly fields: Pick<ExecutionFields, 'timeoutSeconds' | 'flags'>;
}

/** The HTTP status of a POST: an execution that failed within its time-out is no success. */
export function postStatus({ message }: ExecuteResponse): 200 | 422 {
  return message.execution_status === 'ERROR' || message.execution_status === 'STOPPED' ? 422 : 200;
}

/**
 * The first answer to a request, or its answer once more: who sends a request again under its key may never have got
 * the first one, so its result is given out again.
 */
export async function answerToPost(
  { outcomes, waiters, stopping }: AnswerDependencies,
  address: string,
  { id, fields, repeated }: TakenIn,
  response: Response,
): Promise<ExecuteResponse> {
  const answer = (execution_status: ExecutionStatus, error: string | null, result: FileResult[] | null) => ({
    message: {
      execution_id: id,
      execution_status,
      status_api: `${address}?execution_id=${id}`,
      error,
      result,
    },
  });
  if (fields.timeoutSeconds <= 0 && !repeated) return answer('PENDING', null, null);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  // Whoever hung up before this is not heard of again.
  if (response.destroyed) gone.abort();
  const known = repeated ? await existing(outcomes, id) : null;
  if (fields.timeoutSeconds > 0 && (known === null || !hasEnded(known))) {
    await waiters.wait(id, fields.timeoutSeconds * 1000, AbortSignal.any([gone.signal, stopping]));
  }
  const execution = await existing(outcomes, id);
  const status = statusOf(execution);
  if (!hasEnded(execution) || gone.signal.aborted) return answer(status, null, null);
  const result = await resultsOrReason(outcomes, execution, fields.flags);
  if (typeof result === 'string') return answer(status, result, null);
  const isFirst = await acknowledge(outcomes, id, response);
  if (!isFirst && !repeated) return answer(status, ALREADY_READ, null);
  const expired = execution.results_removed_at === null ? null : EXPIRED;
  return answer(status, expired ?? execution.error?.message ?? null, result);
}

/** The results; or why they are too large for an answer, which must not hide that the request was accepted. */
async function resultsOrReason(
  outcomes: Outcomes,
  execution: StoredExecution,
  flags: ResultFlags,
): Promise<FileResult[] | string | null> {
  try {
    return await outcomes.results(execution, flags);
  } catch (error) {
    if (error instanceof ApiError && error.status === errorCodes.too_large) return error.errors[0]!.detail;
    throw error;
  }
}

async function existing(outcomes: Outcomes, id: string): Promise<StoredExecution> {
  const execution = await outcomes.find(id);
  if (execution === null) throw apiError('not_found', 'The execution was deleted');
  return execution;
}

const NOT_YET = 422;
const ALREADY_READ = 'Result already acknowledged';
/** In the words of the contract it is gone as if it had been read: no further poll will bring it. */
const EXPIRED = 'Result expired: it was not fetched while it was kept';

/** What is known of an execution of this deployment or pipeline; its result once. */
export async function answerToGet(
  { outcomes }: Pick<AnswerDependencies, 'outcomes'>,
  deployment: Pick<Deployment, 'id'>,
  { query }: Pick<Request, 'query'>,
  response: Pick<Response, 'destroyed'>,
): Promise<{ status: number; body: ExecutionStatusResponse }> {
  const id = executionIdOf(query);
  const flags = parseResultFlags(query);
  const execution = await outcomes.find(id);
  if (execution === null || execution.deployment_id !== deployment.id) {
    throw apiError('not_found', 'Execution not found', 'execution_id');
  }
  const status = statusOf(execution);
  if (!hasEnded(execution)) return { status: NOT_YET, body: { status, message: null } };
  const alreadyRead = { status: 406, body: { status, message: ALREADY_READ } };
  if (execution.acknowledged_at !== null) return alreadyRead;
  if (execution.results_removed_at !== null) return { status: 406, body: { status, message: EXPIRED } };
  // Read first and acknowledged after: a result that could not be read is not lost.
  const results = await outcomes.results(execution, mergedFlags(execution, flags));
  if (!(await acknowledge(outcomes, id, response))) return alreadyRead;
  return { status: status === 'COMPLETED' ? 200 : 422, body: { status, message: results } };
}

/**
 * Marks a result as read just before it is sent; false when it was before. It stays to be read where nobody is there any
 * more to read it.
 */
async function acknowledge(
  outcomes: Outcomes,
  id: string,
  { destroyed: isGone }: Pick<Response, 'destroyed'>,
): Promise<boolean> {
  if (isGone) return true;
  try {
    return await outcomes.acknowledge(id);
  } catch (error) {
    // Whether it was marked nobody knows. Kept back now it might never be given out; so it may be given out twice.
    if (isOutOfReach(error)) return true;
    throw error;
  }
}

function executionIdOf(query: Record<string, unknown>): string {
  if (query['execution_id'] === undefined || query['execution_id'] === '') {
    throw apiError('required', 'This query parameter is required', 'execution_id');
  }
  const parsed = z.guid().safeParse(query['execution_id']);
  if (!parsed.success) throw apiError('invalid', 'Must be a valid UUID.', 'execution_id');
  return parsed.data.toLowerCase();
}

/** What was asked for at the POST stays asked for. */
function mergedFlags(execution: StoredExecution, asked: ResultFlags): ResultFlags {
  return {
    includeMetadata: asked.includeMetadata || execution.include_metadata,
    includeMetrics: asked.includeMetrics || execution.include_metrics,
    includeExtractedText: asked.includeExtractedText || execution.include_extracted_text,
  };
}
