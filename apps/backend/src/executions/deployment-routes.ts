import {
  apiError,
  routes,
  type ExecuteResponse,
  type ExecutionStatus,
  type ExecutionStatusResponse,
  type FileResult,
} from '@longshore/contracts';
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Deployment, Deployments } from '../deployments/deployments.ts';
import { bearerOf } from '../http/auth.ts';
import { handle, type MountedRoute } from '../http/server.ts';
import type { createIntake, TakenIn } from './intake.ts';
import { hasEnded, statusOf, type Outcomes } from './outcome.ts';
import type { StoredExecution } from './outcome-reads.ts';
import { parseResultFlags, type ResultFlags } from './request-fields.ts';
import type { ExecutionWaiters } from './waiters.ts';

export interface DeploymentRoutesDependencies {
  readonly deployments: Deployments;
  readonly takeIn: ReturnType<typeof createIntake>;
  readonly outcomes: Outcomes;
  readonly waiters: ExecutionWaiters;
  /** Fires when the backend stops: waiting requests are answered with what is known. */
  readonly stopping: AbortSignal;
}

/** The public contract of a deployment: post files, poll for the result, read it once. */
export function deploymentRoutes(dependencies: DeploymentRoutesDependencies): MountedRoute[] {
  return [
    handle(routes.executeDeployment, async ({ params, request, response }) => {
      const deployment = await openDeployment(dependencies, params, request);
      const taken = await dependencies.takeIn(deployment, request, response);
      const answer = await answerToPost(dependencies, deployment, taken, response);
      response.status(
        answer.message.execution_status === 'ERROR' || answer.message.execution_status === 'STOPPED'
          ? 422
          : 200,
      );
      return answer;
    }),
    handle(routes.executionStatus, async ({ params, request, response }) => {
      const deployment = await openDeployment(dependencies, params, request);
      const { status, body } = await answerToGet(dependencies, deployment, request.query);
      response.status(status);
      return body;
    }),
  ];
}

function openDeployment(
  { deployments }: DeploymentRoutesDependencies,
  params: { org: string; api_name: string },
  request: Request,
): Promise<Deployment> {
  return deployments.open(params.org, params.api_name, bearerOf(request));
}

/**
 * The first answer to a request, or its answer once more: who sends a request again under its key may never have got
 * the first one, so its result is given out again.
 */
async function answerToPost(
  { outcomes, waiters, stopping }: DeploymentRoutesDependencies,
  deployment: Deployment,
  { id, fields, repeated }: TakenIn,
  response: Response,
): Promise<ExecuteResponse> {
  const answer = (execution_status: ExecutionStatus, error: string | null, result: FileResult[] | null) => ({
    message: { execution_id: id, execution_status, status_api: statusAddress(deployment, id), error, result },
  });
  if (fields.timeoutSeconds <= 0 && !repeated) return answer('PENDING', null, null);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const known = repeated ? await existing(outcomes, id) : null;
  if (fields.timeoutSeconds > 0 && (known === null || !hasEnded(known))) {
    await waiters.wait(id, fields.timeoutSeconds * 1000, AbortSignal.any([gone.signal, stopping]));
  }
  const execution = await existing(outcomes, id);
  const status = statusOf(execution);
  if (!hasEnded(execution) || gone.signal.aborted) return answer(status, null, null);
  const result = await outcomes.results(execution, fields.flags);
  const isFirst = await outcomes.acknowledge(id);
  if (!isFirst && !repeated) return answer(status, ALREADY_READ, null);
  const expired = execution.results_removed_at === null ? null : EXPIRED;
  return answer(status, expired ?? execution.error?.message ?? null, result);
}

async function existing(outcomes: Outcomes, id: string): Promise<StoredExecution> {
  const execution = await outcomes.find(id);
  if (execution === null) throw apiError('not_found', 'The execution was deleted');
  return execution;
}

function statusAddress({ organisation, apiName }: Deployment, executionId: string): string {
  return `/deployment/api/${organisation}/${apiName}/?execution_id=${executionId}`;
}

const NOT_YET = 422;
const ALREADY_READ = 'Result already acknowledged';
/** In the words of the contract it is gone as if it had been read: no further poll will bring it. */
const EXPIRED = 'Result expired: it was not fetched while it was kept';

async function answerToGet(
  { outcomes }: DeploymentRoutesDependencies,
  deployment: Deployment,
  query: Record<string, unknown>,
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
  if (!(await outcomes.acknowledge(id))) return alreadyRead;
  return { status: status === 'COMPLETED' ? 200 : 422, body: { status, message: results } };
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
