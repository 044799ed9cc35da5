import { nameParams } from '../paging.ts';
import * as retention from '../retention-api.ts';
import { idParams, route } from './route.ts';

/** Deletion on request, and how long an organisation's data are kept. */
export const retentionRoutes = {
  deleteExecution: route({
    method: 'delete',
    path: '/api/v1/executions/:id',
    area: 'public',
    auth: 'organisation',
    audit: 'execution.delete',
    params: idParams,
    response: retention.deletedExecutionSchema,
    documentation: {
      summary: 'Delete an execution that has ended',
      description: 'All of it: its runs, files, results and logs. One that has not ended is refused.',
      errors: ['not_found', 'conflict'],
    },
  }),
  deleteOrganisation: route({
    method: 'delete',
    path: '/api/v1/organisations/:name',
    area: 'public',
    auth: 'admin',
    audit: 'organisation.delete',
    params: nameParams,
    query: retention.deleteOrganisationQuerySchema,
    response: retention.deletionSchema,
    documentation: {
      summary: 'Delete an organisation with everything that belongs to it',
      description:
        'Its keys are refused from this moment on; its data are removed in the background. One with executions that ' +
        'have not ended is refused. Asked again while it goes on, it answers with the same deletion.',
      success: { 202: 'The deletion has begun' },
      errors: ['not_found', 'conflict'],
    },
  }),
  deletion: route({
    method: 'get',
    path: '/api/v1/deletions/:id',
    area: 'public',
    auth: 'admin',
    params: idParams,
    response: retention.deletionSchema,
    documentation: {
      summary: 'Follow the deletion of an organisation',
      description: 'Once it is done: what was removed, and that nothing is left, table by table.',
      errors: ['not_found'],
    },
  }),
  organisationRetention: route({
    method: 'get',
    path: '/api/v1/organisations/:name/retention',
    area: 'public',
    auth: 'admin',
    params: nameParams,
    response: retention.organisationRetentionSchema,
    documentation: { summary: "Read how long an organisation's data are kept", errors: ['not_found'] },
  }),
  setOrganisationRetention: route({
    method: 'put',
    path: '/api/v1/organisations/:name/retention',
    area: 'public',
    auth: 'admin',
    audit: 'organisation.retention',
    params: nameParams,
    body: retention.retentionSchema,
    response: retention.organisationRetentionSchema,
    documentation: {
      summary: "Set how long an organisation's data are kept",
      description: 'Counted from the end of each execution. Null: as the platform says. 0: for ever.',
      errors: ['not_found'],
      examples: { body: { results_days: 7, history_days: 365 } },
    },
  }),
};
