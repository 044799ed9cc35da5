import { z } from 'zod';
import { executeResponseSchema, executionStatusResponseSchema } from '../deployment-api.ts';
import { route } from './route.ts';

const deploymentParams = z.object({ org: z.string(), api_name: z.string() });

/** What clients of a deployment call. */
export const deploymentRoutes = {
  executeDeployment: route({
    method: 'post',
    path: '/deployment/api/:org/:api_name',
    area: 'public',
    auth: 'deployment',
    params: deploymentParams,
    response: executeResponseSchema,
    stream: true,
  }),
  executionStatus: route({
    method: 'get',
    path: '/deployment/api/:org/:api_name',
    area: 'public',
    auth: 'deployment',
    params: deploymentParams,
    response: executionStatusResponseSchema,
  }),
};
