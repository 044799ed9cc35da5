import { listRunsQuerySchema, runListSchema } from '../runs-api.ts';
import { route } from './route.ts';

/** The runs that executions and tasks are made of. */
export const runRoutes = {
  listRuns: route({
    method: 'get',
    path: '/api/v1/runs',
    area: 'public',
    auth: 'organisation',
    query: listRunsQuerySchema,
    response: runListSchema,
    documentation: {
      summary: 'List the runs of an execution or a task',
      description:
        'All runs that it is made of, in the order in which they were made, with every attempt at them: which worker, from when to when, and how it ended. Filters are combined.',
      errors: ['not_found'],
    },
  }),
};
