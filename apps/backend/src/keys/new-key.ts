import { apiError, type CreateKeyRequest } from '@longshore/contracts';
import type { SqlClient } from '../store/database.ts';
import type { KeyScope } from './key-list.ts';
import type { NewKey } from './keys.ts';

/**
 * What is to be made of a request for a key.
 * @throws ApiError 403 for what the scope may not make, 404 for an organisation or deployment that is not there (or is
 * another's), 400 for an end that has passed.
 */
export async function newKeyOf(
  client: SqlClient,
  scope: KeyScope,
  request: CreateKeyRequest,
): Promise<NewKey> {
  if (scope !== 'all' && request.kind !== 'deployment') {
    throw apiError('permission_denied', `Only an admin key makes keys of kind ${request.kind}`, 'kind');
  }
  const common = { name: request.name, expiresAt: await endOf(client, request) };
  switch (request.kind) {
    case 'admin':
      return { kind: 'admin', ...common };
    case 'service':
      return { kind: 'service', ...common, workers: request.workers, queues: request.queues };
    case 'organisation': {
      const organisationId = await organisationIdOf(client, scope, request.organisation);
      return { kind: 'organisation', ...common, organisationId };
    }
    case 'deployment': {
      const organisationId = await organisationIdOf(client, scope, request.organisation);
      const deploymentId = await deploymentIdOf(client, organisationId, request.api_name);
      return { kind: 'deployment', ...common, organisationId, deploymentId };
    }
  }
}

async function endOf(client: SqlClient, request: CreateKeyRequest): Promise<Date | null> {
  const { expires_at: at = null, expires_in_days: days = null } = request;
  if (at === null && days === null) return null;
  const { rows } = await client.query<{ end: Date; passed: boolean }>(
    `select e.at as end, e.at <= now() as passed
       from (select coalesce($1::timestamptz, now() + $2::int * interval '1 day') as at) e`,
    [at, days],
  );
  if (rows[0]!.passed) throw apiError('invalid', 'This moment has passed', 'expires_at');
  return rows[0]!.end;
}

async function organisationIdOf(client: SqlClient, scope: KeyScope, name: string): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    // No key is made for an organisation that is being deleted at the same moment.
    'select id from organisations where name = $1 for key share',
    [name],
  );
  const id = rows[0]?.id;
  if (id === undefined || (scope !== 'all' && scope.organisationId !== id)) {
    throw apiError('not_found', `There is no organisation "${name}"`, 'organisation');
  }
  return id;
}

async function deploymentIdOf(client: SqlClient, organisationId: string, apiName: string): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    'select id from deployments where organisation_id = $1 and api_name = $2',
    [organisationId, apiName],
  );
  if (rows[0] === undefined) throw apiError('not_found', `There is no deployment "${apiName}"`, 'api_name');
  return rows[0].id;
}
