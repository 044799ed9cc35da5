import {
  apiError,
  routes,
  type ApiError,
  type DeploymentView,
  type JsonValue,
  type UpdateDeploymentRequest,
} from '@longshore/contracts';
import { z } from 'zod';
import { handle, type MountedRoute } from '../http/server.ts';
import type { Database, SqlClient } from '../store/database.ts';
import { decodeCursor, pageOf } from './paging.ts';
import { oneOrganisation, visibleOrganisations } from './visible-organisations.ts';

type DeploymentRow = Omit<DeploymentView, 'created_at' | 'address'> & { created_at: Date };

/** Deployments `d` of either kind, each with its organisation, its workflow, and the version that new executions get. */
export const deploymentsWithVersion = `
  from deployments d
  join organisations o on o.id = d.organisation_id
  join workflows w on w.id = d.workflow_id
  cross join lateral (
    select version from workflow_versions where workflow_id = w.id and version = coalesce(d.version, version)
     order by version desc limit 1) v`;

const deploymentRows = `
select d.id, o.name as organisation, d.api_name, w.name as workflow, v.version as workflow_version, d.active,
       d.settings, d.created_at
${deploymentsWithVersion}`;

/** Deployments: listed, read, switched on and off. They are made by `apply`. */
export function deploymentAdminRoutes({ database }: { database: Database }): MountedRoute[] {
  return [
    handle(routes.listDeployments, async ({ query, caller }) => {
      const visible = await visibleOrganisations(database, caller, query.organisation);
      const after = decodeCursor(query.cursor, z.tuple([z.string(), z.string()]));
      const rows = await database.query<DeploymentRow>(
        `${deploymentRows} where d.kind = 'api' and d.organisation_id = any($1::uuid[])
            and ($2::text is null or (o.name, d.api_name) > ($2, $3))
          order by o.name, d.api_name limit $4`,
        [visible.map(({ id }) => id), after?.[0] ?? null, after?.[1] ?? null, query.limit + 1],
      );
      const { items, next_cursor } = pageOf(rows, query.limit, (row) => [row.organisation, row.api_name]);
      return { deployments: items.map(shown), next_cursor };
    }),
    handle(routes.getDeployment, async ({ params, query, caller }) => {
      const { id } = await oneOrganisation(database, caller, query.organisation);
      return await findDeployment(database, id, params.api_name);
    }),
    handle(routes.updateDeployment, async ({ params, query, body, caller, act }) => {
      const { id: organisationId } = await oneOrganisation(database, caller, query.organisation);
      await database.transaction(async (client) => {
        await updateDeployment(client, organisationId, params.api_name, body);
        await act.record(client, {
          target: params.api_name,
          organisationId,
          detail: { ...body } as { [key: string]: JsonValue },
        });
      });
      return await findDeployment(database, organisationId, params.api_name);
    }),
  ];
}

async function findDeployment(
  database: Database,
  organisationId: string,
  apiName: string,
): Promise<DeploymentView> {
  const [row] = await database.query<DeploymentRow>(
    `${deploymentRows} where d.kind = 'api' and d.organisation_id = $1 and d.api_name = $2`,
    [organisationId, apiName],
  );
  if (row === undefined) throw unknownDeployment(apiName);
  return shown(row);
}

/** @throws ApiError 404 */
async function updateDeployment(
  client: SqlClient,
  organisationId: string,
  apiName: string,
  { active, settings }: UpdateDeploymentRequest,
): Promise<void> {
  const { rowCount } = await client.query(
    `update deployments set active = coalesce($3, active), settings = coalesce($4::jsonb, settings)
      where organisation_id = $1 and api_name = $2 and kind = 'api'`,
    [organisationId, apiName, active ?? null, settings === undefined ? null : JSON.stringify(settings)],
  );
  if (rowCount === 0) throw unknownDeployment(apiName);
}

function unknownDeployment(apiName: string): ApiError {
  return apiError('not_found', `There is no deployment "${apiName}"`, 'api_name');
}

function shown(row: DeploymentRow): DeploymentView {
  return {
    ...row,
    created_at: row.created_at.toISOString(),
    address: `/deployment/api/${row.organisation}/${row.api_name}/`,
  };
}
