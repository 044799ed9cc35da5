import { z } from 'zod';
import { claimRequestSchema, claimResponseSchema } from '../claims.ts';
import * as reports from '../reports.ts';
import * as sessions from '../sessions.ts';
import { webhookCallSchema } from '../webhook-call.ts';
import { workflowDefinitionSchema } from '../workflow.ts';
import { idParams, nothing, okSchema, route } from './route.ts';

/** What workers call. */
export const internalRoutes = {
  internalHealth: route({
    method: 'get',
    path: '/v1/health/',
    area: 'internal',
    auth: 'service',
    response: z.object({
      status: z.literal('ok'),
      contract_version: z.int(),
      worker_names: z.array(z.string()),
      /** What the platform has just written in its broker, as far as that was there: a worker whose broker holds something else is at another one. */
      broker_mark: z.string().optional(),
    }),
  }),
  registerSession: route({
    method: 'post',
    path: '/v1/sessions',
    area: 'internal',
    auth: 'service',
    body: sessions.registerSessionRequestSchema,
    response: sessions.registerSessionResponseSchema,
  }),
  heartbeat: route({
    method: 'post',
    path: '/v1/sessions/:id/heartbeat',
    area: 'internal',
    auth: 'service',
    params: idParams,
    body: sessions.heartbeatRequestSchema,
    response: sessions.heartbeatResponseSchema,
  }),
  endSession: route({
    method: 'delete',
    path: '/v1/sessions/:id',
    area: 'internal',
    auth: 'service',
    params: idParams,
    response: okSchema,
  }),
  claim: route({
    method: 'post',
    path: '/v1/claims',
    area: 'internal',
    auth: 'service',
    body: claimRequestSchema,
    response: claimResponseSchema,
  }),
  report: route({
    method: 'post',
    path: '/v1/reports',
    area: 'internal',
    auth: 'service',
    body: reports.reportRequestSchema,
    response: reports.reportResponseSchema,
  }),
  progress: route({
    method: 'post',
    path: '/v1/progress',
    area: 'internal',
    auth: 'service',
    body: reports.progressRequestSchema,
    response: okSchema,
  }),
  logLines: route({
    method: 'post',
    path: '/v1/logs',
    area: 'internal',
    auth: 'service',
    body: reports.logLinesRequestSchema,
    response: okSchema,
  }),
  childResults: route({
    method: 'get',
    path: '/v1/runs/:id/children',
    area: 'internal',
    auth: 'run_token',
    params: idParams,
    response: reports.childResultsSchema,
  }),
  /** The JSON text of what a child made, however large. */
  childOutput: route({
    method: 'get',
    path: '/v1/runs/:id/children/:child_id/output',
    area: 'internal',
    auth: 'run_token',
    params: z.object({ id: z.uuid(), child_id: z.uuid() }),
    response: nothing,
    stream: true,
  }),
  storeOutput: route({
    method: 'put',
    path: '/v1/runs/:id/output',
    area: 'internal',
    auth: 'run_token',
    params: idParams,
    response: z.object({ ref: z.string(), size: z.int() }),
    stream: true,
  }),
  fileContent: route({
    method: 'get',
    path: '/v1/files/:id/content',
    area: 'internal',
    auth: 'run_token',
    params: idParams,
    response: nothing,
    stream: true,
  }),
  workflowVersion: route({
    method: 'get',
    path: '/v1/workflow-versions/:id',
    area: 'internal',
    auth: 'run_token',
    params: idParams,
    response: z.object({ id: z.uuid(), definition: workflowDefinitionSchema }),
  }),
  webhookCall: route({
    method: 'get',
    path: '/v1/runs/:id/webhook',
    area: 'internal',
    auth: 'run_token',
    params: idParams,
    response: webhookCallSchema,
  }),
};
