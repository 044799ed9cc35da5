import * as audit from '../audit.ts';
import * as keys from '../keys.ts';
import { idParams, route } from './route.ts';

/** Keys and the audit log. An organisation's key sees and manages its own deployment keys; an admin key all. */
export const keyRoutes = {
  createKey: route({
    method: 'post',
    path: '/api/v1/keys',
    area: 'public',
    auth: 'organisation',
    audit: 'key.create',
    body: keys.createKeyRequestSchema,
    response: keys.createdKeySchema,
    documentation: {
      summary: 'Create a key',
      description:
        "The answer is the only one that holds the key itself. An organisation's key creates deployment keys of its organisation.",
      errors: ['not_found'],
      examples: {
        body: {
          kind: 'deployment',
          name: 'portal',
          organisation: 'quayside',
          api_name: 'invoices',
          expires_in_days: 90,
        },
      },
    },
  }),
  listKeys: route({
    method: 'get',
    path: '/api/v1/keys',
    area: 'public',
    auth: 'organisation',
    query: keys.listKeysQuerySchema,
    response: keys.listKeysResponseSchema,
    documentation: { summary: 'List keys', description: 'Newest first, and never the keys themselves.' },
  }),
  getKey: route({
    method: 'get',
    path: '/api/v1/keys/:id',
    area: 'public',
    auth: 'organisation',
    params: idParams,
    response: keys.keySchema,
    documentation: { summary: 'Read one key' },
  }),
  rotateKey: route({
    method: 'post',
    path: '/api/v1/keys/:id/rotate',
    area: 'public',
    auth: 'organisation',
    audit: 'key.rotate',
    params: idParams,
    body: keys.rotateKeyRequestSchema,
    response: keys.createdKeySchema,
    documentation: {
      summary: 'Give a key a successor',
      description:
        'The successor does what the key does and lives as long as the key was given. The key itself stays good for the overlap.',
      errors: ['conflict', 'not_found'],
      examples: { body: { overlap_seconds: 3600 } },
    },
  }),
  revokeKey: route({
    method: 'delete',
    path: '/api/v1/keys/:id',
    area: 'public',
    auth: 'organisation',
    audit: 'key.revoke',
    params: idParams,
    response: keys.keySchema,
    documentation: {
      summary: 'Revoke a key',
      description: 'It is refused from now on, everywhere. The last admin key is a conflict.',
      errors: ['conflict', 'not_found'],
    },
  }),
  auditLog: route({
    method: 'get',
    path: '/api/v1/audit',
    area: 'public',
    auth: 'organisation',
    query: audit.auditQuerySchema,
    response: audit.auditResponseSchema,
    documentation: {
      summary: 'Read the audit log',
      description:
        "Who did what, and who was refused what, newest first. An organisation's key sees what concerns it.",
    },
  }),
};
