import * as organisations from '../organisations-api.ts';
import { nameParams } from '../paging.ts';
import { route } from './route.ts';

/** Organisations: whom executions, workflows, deployments and keys belong to. */
export const organisationRoutes = {
  listOrganisations: route({
    method: 'get',
    path: '/api/v1/organisations',
    area: 'public',
    auth: 'organisation',
    query: organisations.listOrganisationsQuerySchema,
    response: organisations.organisationListSchema,
    documentation: { summary: 'List organisations', description: 'By name. A key of one sees that one.' },
  }),
  createOrganisation: route({
    method: 'post',
    path: '/api/v1/organisations',
    area: 'public',
    auth: 'admin',
    audit: 'organisation.create',
    body: organisations.createOrganisationRequestSchema,
    response: organisations.organisationSchema,
    documentation: {
      summary: 'Create an organisation',
      errors: ['conflict'],
      examples: { body: { name: 'quayside', weight: 2 } },
    },
  }),
  getOrganisation: route({
    method: 'get',
    path: '/api/v1/organisations/:name',
    area: 'public',
    auth: 'organisation',
    params: nameParams,
    response: organisations.organisationSchema,
    documentation: { summary: 'Read one organisation' },
  }),
  updateOrganisation: route({
    method: 'patch',
    path: '/api/v1/organisations/:name',
    area: 'public',
    auth: 'admin',
    audit: 'organisation.update',
    params: nameParams,
    body: organisations.updateOrganisationRequestSchema,
    response: organisations.organisationSchema,
    documentation: {
      summary: 'Change the share and limits of an organisation',
      description: 'What is not named stays as it is. Executions that are accepted afterwards follow it.',
      examples: { body: { weight: 5, max_parallel_files: null } },
    },
  }),
};
