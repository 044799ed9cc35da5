import * as native from '../native-api.ts';
import { idParams, nothing, route } from './route.ts';

/** What integrators and administrators call. */
export const nativeRoutes = {
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
};
