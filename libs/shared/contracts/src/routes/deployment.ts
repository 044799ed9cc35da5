import { z } from 'zod';
import * as deployment from '../deployment-api.ts';
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
    response: deployment.executeResponseSchema,
    stream: true,
    documentation: {
      summary: 'Post files',
      description:
        'Accepts an execution: when this is answered, its files are stored and it will end. With a `timeout` the answer ' +
        'waits for the result up to that many seconds; an answer with a terminal status counts as the one read of it.',
      success: {
        200: 'Accepted, under way, or completed within the timeout.',
        422: 'It ended in ERROR or was STOPPED within the timeout.',
      },
      form: deployment.executeFormSchema,
      headers: {
        'Idempotency-Key': 'A repeated request with the same key is answered with the first execution.',
      },
      errors: [
        'required',
        'invalid',
        'conflict',
        'idempotency_conflict',
        'too_large',
        'unsupported_media_type',
        'too_many_executions',
        'fetch_failed',
        'fetch_timeout',
      ],
    },
  }),
  executionStatus: route({
    method: 'get',
    path: '/deployment/api/:org/:api_name',
    area: 'public',
    auth: 'deployment',
    params: deploymentParams,
    response: deployment.executionStatusResponseSchema,
    documentation: {
      summary: 'Poll for the result',
      description:
        'The result is handed out once, with the first answer that carries a terminal status. The native API reads it ' +
        'as often as wanted.',
      success: {
        200: 'Completed; `message` holds one result for each file.',
        406: 'The result was read before.',
        422: 'Not yet ended, with `message` null; or ended in ERROR or STOPPED, with the results there are.',
      },
      query: deployment.executionStatusQuerySchema,
      errors: ['required', 'too_large'],
    },
  }),
};
