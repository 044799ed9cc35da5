import * as failures from '../failures-api.ts';
import { idParams, route } from './route.ts';

/** What failed and why, what was said meanwhile, and doing it again. */
export const failureRoutes = {
  listFailures: route({
    method: 'get',
    path: '/api/v1/failures',
    area: 'public',
    auth: 'organisation',
    query: failures.listFailuresQuerySchema,
    response: failures.failureListSchema,
    documentation: {
      summary: 'List failures by cause',
      description:
        'Runs whose own attempt failed, grouped by task, error code and message without names, numbers and ids; the most ' +
        'frequent cause first. They are kept as long as results.',
    },
  }),
  executionLogs: route({
    method: 'get',
    path: '/api/v1/executions/:id/logs',
    area: 'public',
    auth: 'organisation',
    params: idParams,
    query: failures.executionLogsQuerySchema,
    response: failures.executionLogsSchema,
    documentation: {
      summary: 'Read the logs of an execution',
      description: 'What its runs said, in the order in which it was written.',
      errors: ['not_found'],
    },
  }),
  replayExecution: route({
    method: 'post',
    path: '/api/v1/executions/:id/replay',
    area: 'public',
    auth: 'organisation',
    audit: 'execution.replay',
    params: idParams,
    body: failures.replayExecutionRequestSchema,
    response: failures.replayedExecutionSchema,
    documentation: {
      summary: 'Run an execution again',
      description:
        'Makes a new execution with copies of its files, under the workflow version that its deployment has now. It counts ' +
        'against the same limits as a request. Possible for as long as the uploaded files are kept.',
      success: { 201: 'The new execution is accepted.' },
      errors: ['not_found', 'conflict', 'too_many_executions', 'unavailable'],
      examples: { body: { only_failed: true } },
    },
  }),
  replayMany: route({
    method: 'post',
    path: '/api/v1/replays',
    area: 'public',
    auth: 'organisation',
    audit: 'replay.begin',
    body: failures.replayManyRequestSchema,
    response: failures.replayManyResponseSchema,
    documentation: {
      summary: 'Run many failed executions again',
      description:
        'Those with a failure that the filter finds, that have ended, and that were not replayed before; begun one after the ' +
        'other, so many a minute. One such replay at a time for each organisation.',
      success: {
        200: 'Nothing was begun: a dry run, or nothing matched.',
        202: 'The replay has begun.',
      },
      errors: ['not_found', 'conflict'],
      examples: { body: { cause: '0123456789abcdef', per_minute: 60, only_failed: true } },
    },
  }),
  listReplays: route({
    method: 'get',
    path: '/api/v1/replays',
    area: 'public',
    auth: 'organisation',
    query: failures.listReplaysQuerySchema,
    response: failures.replayListSchema,
    documentation: { summary: 'List replays', description: 'Newest first.' },
  }),
  replay: route({
    method: 'get',
    path: '/api/v1/replays/:id',
    area: 'public',
    auth: 'organisation',
    params: idParams,
    response: failures.replayDetailSchema,
    documentation: { summary: 'Follow a replay', errors: ['not_found'] },
  }),
  cancelReplay: route({
    method: 'post',
    path: '/api/v1/replays/:id/cancel',
    area: 'public',
    auth: 'organisation',
    audit: 'replay.cancel',
    params: idParams,
    response: failures.replaySchema,
    documentation: {
      summary: 'Cancel a replay',
      description:
        'From then on it begins nothing more; what it began goes on. One that is over stays as it is.',
      errors: ['not_found'],
    },
  }),
};
