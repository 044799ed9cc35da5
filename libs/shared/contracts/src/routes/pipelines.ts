import { z } from 'zod';
import * as deployment from '../deployment-api.ts';
import { openedCredentialSchema } from '../pipeline-ends.ts';
import * as pipelines from '../pipelines-api.ts';
import { idParams, okSchema, route } from './route.ts';

const pipelineParams = z.object({ org: z.string(), pipeline_id: z.string() });
const ADDRESS = '/deployment/pipeline/api/:org/:pipeline_id';

/** Pipelines: what their clients call, and what the runs of their executions may ask for with their token. */
export const pipelineRoutes = {
  runPipeline: route({
    method: 'post',
    path: ADDRESS,
    area: 'public',
    auth: 'deployment',
    params: pipelineParams,
    response: deployment.executeResponseSchema,
    stream: true,
    documentation: {
      summary: 'Run a pipeline',
      tag: 'pipeline',
      description:
        'Accepts an execution that reads the source of the pipeline. Takes a form, or the same fields as a JSON object, or ' +
        'no body at all. With a `timeout` the answer waits for the result up to that many seconds; an answer with a ' +
        'terminal status counts as the one read of it.',
      success: {
        200: 'Accepted, under way, or completed within the timeout.',
        422: 'It ended in ERROR or was STOPPED within the timeout.',
      },
      form: pipelines.runPipelineFormSchema,
      headers: {
        'Idempotency-Key': 'A repeated request with the same key is answered with the first execution.',
      },
      errors: [
        'invalid',
        'idempotency_conflict',
        'too_large',
        'unsupported_media_type',
        'too_many_executions',
        'malformed_request',
      ],
    },
  }),
  pipelineStatus: route({
    method: 'get',
    path: ADDRESS,
    area: 'public',
    auth: 'deployment',
    params: pipelineParams,
    response: deployment.executionStatusResponseSchema,
    documentation: {
      summary: 'Poll for the result of a run',
      tag: 'pipeline',
      description:
        'One entry for each file that was processed, and one for each that was skipped (the first 1,000). It is handed out ' +
        'once, with the first answer that carries a terminal status; the native API reads it as often as wanted.',
      success: {
        200: 'Completed; `message` holds the entries.',
        406: 'The result was read before.',
        422: 'Not yet ended, with `message` null; or ended in ERROR or STOPPED, with the results there are.',
      },
      query: deployment.executionStatusQuerySchema,
      errors: ['required', 'too_large'],
    },
  }),
  knownPipelineFiles: route({
    method: 'post',
    path: '/v1/runs/:id/files/known',
    area: 'internal',
    auth: 'run_token',
    params: idParams,
    body: pipelines.knownFilesRequestSchema,
    response: pipelines.knownFilesSchema,
  }),
  runCredential: route({
    method: 'get',
    path: '/v1/runs/:id/credentials/:name',
    area: 'internal',
    auth: 'run_token',
    params: z.object({ id: z.uuid(), name: z.string().min(1).max(100) }),
    response: openedCredentialSchema,
  }),
  takePipelineFile: route({
    method: 'put',
    path: '/v1/runs/:id/files',
    area: 'internal',
    auth: 'run_token',
    params: idParams,
    query: pipelines.takeFileQuerySchema,
    response: pipelines.takenFileSchema,
    stream: true,
  }),
  listedPipelineFiles: route({
    method: 'post',
    path: '/v1/runs/:id/files',
    area: 'internal',
    auth: 'run_token',
    params: idParams,
    body: pipelines.listedFilesRequestSchema,
    response: okSchema,
  }),
  pipelineFiles: route({
    method: 'get',
    path: '/v1/runs/:id/files',
    area: 'internal',
    auth: 'run_token',
    params: idParams,
    query: pipelines.pipelineFilesQuerySchema,
    response: pipelines.pipelineFilesSchema,
  }),
  pipelineResult: route({
    method: 'get',
    path: '/v1/runs/:id/files/:file_id/result',
    area: 'internal',
    auth: 'run_token',
    params: z.object({ id: z.uuid(), file_id: z.uuid() }),
    response: pipelines.pipelineResultSchema,
  }),
  settlePipelineFiles: route({
    method: 'post',
    path: '/v1/runs/:id/files/settle',
    area: 'internal',
    auth: 'run_token',
    params: idParams,
    body: pipelines.settleFilesRequestSchema,
    response: okSchema,
  }),
};
