import * as credentials from '../credentials.ts';
import { okSchema, route } from './route.ts';

/** What all public routes of credentials have in common: one organisation's key or an admin key, 401 without. */
const asked = { area: 'public', auth: 'organisation', withoutKey: 'key_required' } as const;
const tag = 'credentials';
const one = { params: credentials.credentialParams, query: credentials.credentialQuerySchema };

/** Secrets with which pipelines reach sources and destinations: they go in, and come out for the runs that name them alone. */
export const credentialRoutes = {
  listCredentials: route({
    ...asked,
    method: 'get',
    path: '/api/v1/credentials',
    query: credentials.listCredentialsQuerySchema,
    response: credentials.credentialListSchema,
    documentation: {
      tag,
      summary: 'List credentials',
      description: 'In the order of their names, without their values.',
    },
  }),
  createCredential: route({
    ...asked,
    method: 'post',
    path: '/api/v1/credentials',
    audit: 'credential.create',
    body: credentials.createCredentialRequestSchema,
    response: credentials.credentialSchema,
    documentation: {
      tag,
      summary: 'Create a credential',
      description: 'Its values are sealed, and are never answered by any route of this API.',
      success: { 201: 'It is created.' },
      errors: ['not_found', 'conflict'],
      examples: {
        body: {
          name: 'archive',
          type: 's3',
          values: { access_key_id: 'AKIA…', secret_access_key: '…' },
        },
      },
    },
  }),
  credential: route({
    ...asked,
    ...one,
    method: 'get',
    path: '/api/v1/credentials/:name',
    response: credentials.credentialSchema,
    documentation: { tag, summary: 'Show a credential, without its values' },
  }),
  changeCredential: route({
    ...asked,
    ...one,
    method: 'patch',
    path: '/api/v1/credentials/:name',
    audit: 'credential.change',
    body: credentials.changeCredentialRequestSchema,
    response: credentials.credentialSchema,
    documentation: {
      tag,
      summary: 'Change a credential',
      description:
        'Its values are replaced as a whole. Runs that were given the earlier ones keep them until they end.',
      errors: ['not_found'],
    },
  }),
  deleteCredential: route({
    ...asked,
    ...one,
    method: 'delete',
    path: '/api/v1/credentials/:name',
    audit: 'credential.delete',
    response: okSchema,
    documentation: {
      tag,
      summary: 'Delete a credential',
      description: 'Refused while a pipeline names it.',
      errors: ['not_found', 'conflict'],
    },
  }),
};
