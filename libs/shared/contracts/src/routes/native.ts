import * as native from '../native-api.ts';
import { nothing, route } from './route.ts';

const TOTAL = { total: { type: 'number', label: 'Total due' } };

/** What integrators and administrators call. */
export const nativeRoutes = {
  apply: route({
    method: 'post',
    path: '/api/v1/apply',
    area: 'public',
    auth: 'admin',
    audit: 'workflow.apply',
    body: native.applyRequestSchema,
    response: native.applyResponseSchema,
    documentation: {
      summary: 'Create or change workflows and deployments',
      description:
        'All documents take effect, or none. A workflow whose definition changed gets a new version.',
      tag: 'workflows',
      examples: {
        body: {
          organisation: 'default',
          documents: [
            { kind: 'workflow', name: 'totals', steps: [{ read: {} }, { extract: { fields: TOTAL } }] },
            { kind: 'deployment', api_name: 'totals', workflow: 'totals' },
          ],
        },
      },
    },
  }),
  /** The text format of Prometheus. */
  metrics: route({
    method: 'get',
    path: '/metrics',
    area: 'public',
    auth: 'admin',
    response: nothing,
    stream: true,
    documentation: {
      summary: 'Metrics in the text format of Prometheus',
      tag: 'platform',
      media: 'text/plain',
    },
  }),
  workers: route({
    method: 'get',
    path: '/api/v1/workers',
    area: 'public',
    auth: 'admin',
    response: native.workersResponseSchema,
    documentation: { summary: 'List pools and their live workers', tag: 'platform' },
  }),
  queues: route({
    method: 'get',
    path: '/api/v1/queues',
    area: 'public',
    auth: 'admin',
    response: native.queuesResponseSchema,
    documentation: { summary: 'Show how much waits in each queue', tag: 'platform' },
  }),
};
