import { routes } from '@longshore/contracts';
import type { Request } from 'express';
import type { Deployment, Deployments } from '../deployments/deployments.ts';
import { answerToGet, answerToPost, postStatus, type AnswerDependencies } from '../executions/answers.ts';
import type { UploadLimits } from '../executions/upload-limits.ts';
import { bearerOf } from '../http/auth.ts';
import { handle, type MountedRoute } from '../http/server.ts';
import { readRunRequest } from './run-request.ts';
import { createStartRun, type StartRunDependencies } from './start-run.ts';

export interface PipelineRoutesDependencies extends AnswerDependencies, StartRunDependencies {
  readonly deployments: Deployments;
  readonly uploadLimits: UploadLimits;
}

/** The public contract of a pipeline: run it, poll for the result, read that once. */
export function pipelineRoutes(dependencies: PipelineRoutesDependencies): MountedRoute[] {
  const startRun = createStartRun(dependencies);
  return [
    handle(routes.runPipeline, async ({ params, request, response }) => {
      const pipeline = await openPipeline(dependencies, params, request);
      const fields = await readRunRequest(request, dependencies.uploadLimits);
      const taken = await startRun(pipeline, fields, request.headers);
      const answer = await answerToPost(dependencies, addressOf(pipeline), taken, response);
      response.status(postStatus(answer));
      return answer;
    }),
    handle(routes.pipelineStatus, async ({ params, request, response }) => {
      const pipeline = await openPipeline(dependencies, params, request);
      const { status, body } = await answerToGet(dependencies, pipeline, request, response);
      response.status(status);
      return body;
    }),
  ];
}

function openPipeline(
  { deployments }: PipelineRoutesDependencies,
  params: { org: string; pipeline_id: string },
  request: Request,
): Promise<Deployment> {
  return deployments.open(params.org, params.pipeline_id, bearerOf(request), 'pipeline');
}

function addressOf({ organisation, apiName }: Deployment): string {
  return `/deployment/pipeline/api/${organisation}/${apiName}/`;
}
