import { routes } from '@longshore/contracts';
import type { Request } from 'express';
import type { Deployment, Deployments } from '../deployments/deployments.ts';
import { bearerOf } from '../http/auth.ts';
import { handle, type MountedRoute } from '../http/server.ts';
import { answerToGet, answerToPost, postStatus, type AnswerDependencies } from './answers.ts';
import type { createIntake } from './intake.ts';

export interface DeploymentRoutesDependencies extends AnswerDependencies {
  readonly deployments: Deployments;
  readonly takeIn: ReturnType<typeof createIntake>;
}

/** The public contract of a deployment: post files, poll for the result, read it once. */
export function deploymentRoutes(dependencies: DeploymentRoutesDependencies): MountedRoute[] {
  return [
    handle(routes.executeDeployment, async ({ params, request, response }) => {
      const deployment = await openDeployment(dependencies, params, request);
      const taken = await dependencies.takeIn(deployment, request, response);
      const address = `/deployment/api/${deployment.organisation}/${deployment.apiName}/`;
      const answer = await answerToPost(dependencies, address, taken, response);
      response.status(postStatus(answer));
      return answer;
    }),
    handle(routes.executionStatus, async ({ params, request, response }) => {
      const deployment = await openDeployment(dependencies, params, request);
      const { status, body } = await answerToGet(dependencies, deployment, request, response);
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
