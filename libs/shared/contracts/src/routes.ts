import { z } from 'zod';
import { claimRequestSchema, claimResponseSchema } from './claims.ts';
import { executeResponseSchema, executionStatusResponseSchema } from './deployment-api.ts';
import * as native from './native-api.ts';
import * as reports from './reports.ts';
import * as sessions from './sessions.ts';
import { workflowDefinitionSchema } from './workflow.ts';

/** Who may call: nobody in particular, a key of that kind, or the token of one claimed run. */
export type RouteAuth = 'none' | 'service' | 'run_token' | 'admin' | 'organisation' | 'deployment';

export interface Route<Params, Query, Body, Response> {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** Express-style path; internal routes are relative to INTERNAL_API_BASE_URL. */
  readonly path: string;
  readonly area: 'internal' | 'public';
  readonly auth: RouteAuth;
  readonly params: z.ZodType<Params>;
  readonly query: z.ZodType<Query>;
  /** JSON body; `stream` routes read or write bytes themselves. */
  readonly body: z.ZodType<Body>;
  readonly response: z.ZodType<Response>;
  readonly stream: boolean;
}

const nothing = z.unknown();

function route<P = unknown, Q = unknown, B = unknown, R = unknown>(
  given: Pick<Route<P, Q, B, R>, 'method' | 'path' | 'area' | 'auth' | 'response'> &
    Partial<Pick<Route<P, Q, B, R>, 'params' | 'query' | 'body' | 'stream'>>,
): Route<P, Q, B, R> {
  return {
    params: nothing as z.ZodType<P>,
    query: nothing as z.ZodType<Q>,
    body: nothing as z.ZodType<B>,
    stream: false,
    ...given,
  };
}

const idParams = z.object({ id: z.uuid() });
const deploymentParams = z.object({ org: z.string(), api_name: z.string() });
const okSchema = z.object({ status: z.literal('ok') });

/** Every route of the backend. The server mounts them from here and the client calls them from here. */
export const routes = Object.freeze({
  internalHealth: route({
    method: 'get',
    path: '/v1/health/',
    area: 'internal',
    auth: 'service',
    response: z.object({
      status: z.literal('ok'),
      contract_version: z.int(),
      worker_names: z.array(z.string()),
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
  execution: route({
    method: 'get',
    path: '/api/v1/executions/:id',
    area: 'public',
    auth: 'organisation',
    params: idParams,
    response: native.executionDetailSchema,
  }),
  apply: route({
    method: 'post',
    path: '/api/v1/apply',
    area: 'public',
    auth: 'admin',
    body: native.applyRequestSchema,
    response: native.applyResponseSchema,
  }),
  createOrganisation: route({
    method: 'post',
    path: '/api/v1/organisations',
    area: 'public',
    auth: 'admin',
    body: native.createOrganisationRequestSchema,
    response: native.organisationSchema,
  }),
  createKey: route({
    method: 'post',
    path: '/api/v1/keys',
    area: 'public',
    auth: 'admin',
    body: native.createKeyRequestSchema,
    response: native.createdKeySchema,
  }),
  /** The text format of Prometheus. */
  metrics: route({
    method: 'get',
    path: '/metrics',
    area: 'public',
    auth: 'admin',
    response: nothing,
    stream: true,
  }),
  workers: route({
    method: 'get',
    path: '/api/v1/workers',
    area: 'public',
    auth: 'admin',
    response: native.workersResponseSchema,
  }),
  queues: route({
    method: 'get',
    path: '/api/v1/queues',
    area: 'public',
    auth: 'admin',
    response: native.queuesResponseSchema,
  }),
});
export type Routes = typeof routes;
