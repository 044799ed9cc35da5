import * as executions from '../executions-api.ts';
import { idParams, route } from './route.ts';

/** Executions, as those see them who look after them. Reading here does not count as fetching the result. */
export const executionRoutes = {
  listExecutions: route({
    method: 'get',
    path: '/api/v1/executions',
    area: 'public',
    auth: 'organisation',
    query: executions.listExecutionsQuerySchema,
    response: executions.executionListSchema,
    documentation: {
      summary: 'Search executions',
      description: 'Newest first. Filters are combined: an execution is listed when all of them hold.',
    },
  }),
  execution: route({
    method: 'get',
    path: '/api/v1/executions/:id',
    area: 'public',
    auth: 'organisation',
    params: idParams,
    query: executions.executionQuerySchema,
    response: executions.executionDetailSchema,
    documentation: {
      summary: 'Read one execution',
      description:
        'Its files, who worked on them and when, and once it has ended its results. Reading here does not count as ' +
        'fetching the result: it can be repeated as often as wanted.',
      errors: ['too_large'],
    },
  }),
};
