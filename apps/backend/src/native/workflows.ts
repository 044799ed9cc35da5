import {
  apiError,
  routes,
  type ApiError,
  type JsonValue,
  type Workflow,
  type WorkflowVersionDetail,
} from '@longshore/contracts';
import { z } from 'zod';
import { handle, type MountedRoute } from '../http/server.ts';
import type { Database } from '../store/database.ts';
import { changesBetween } from './changes-between.ts';
import { decodeCursor, pageOf } from './paging.ts';
import { oneOrganisation, visibleOrganisations } from './visible-organisations.ts';

type Shown<Row> = { [K in keyof Row]: K extends 'created_at' | 'updated_at' ? Date : Row[K] };
type WorkflowRow = Shown<Workflow>;
type VersionRow = Shown<WorkflowVersionDetail>;

const workflowRows = `
select w.id, o.name as organisation, w.name, v.version, w.created_at, v.created_at as updated_at
  from workflows w
  join organisations o on o.id = w.organisation_id
  cross join lateral (
    select version, created_at from workflow_versions where workflow_id = w.id order by version desc limit 1) v`;

const versionRows = `
select v.id, v.version, v.created_at, o.name as organisation, w.name, v.definition
  from workflow_versions v
  join workflows w on w.id = v.workflow_id
  join organisations o on o.id = w.organisation_id
 where w.organisation_id = $1 and w.name = $2`;

/** Workflows and their versions: listed, read, compared. */
export function workflowRoutes({ database }: { database: Database }): MountedRoute[] {
  return [
    handle(routes.listWorkflows, async ({ query, caller }) => {
      const visible = await visibleOrganisations(database, caller, query.organisation);
      const after = decodeCursor(query.cursor, z.tuple([z.string(), z.string()]));
      const rows = await database.query<WorkflowRow>(
        `${workflowRows} where w.organisation_id = any($1::uuid[]) and ($2::text is null or (o.name, w.name) > ($2, $3))
          order by o.name, w.name limit $4`,
        [visible.map(({ id }) => id), after?.[0] ?? null, after?.[1] ?? null, query.limit + 1],
      );
      const { items, next_cursor } = pageOf(rows, query.limit, ({ organisation, name }) => [
        organisation,
        name,
      ]);
      return { workflows: items.map(shownWorkflow), next_cursor };
    }),
    handle(routes.getWorkflow, async ({ params, query, caller }) => {
      const { id } = await oneOrganisation(database, caller, query.organisation);
      return shownWorkflow(await findWorkflow(database, id, params.name));
    }),
    handle(routes.listWorkflowVersions, async ({ params, query, caller }) => {
      const { id } = await oneOrganisation(database, caller, query.organisation);
      await findWorkflow(database, id, params.name);
      const after = decodeCursor(query.cursor, z.tuple([z.int().min(1).max(2_147_483_647)]));
      const rows = await database.query<VersionRow>(
        `${versionRows} and v.version < coalesce($3, 2147483647) order by v.version desc limit $4`,
        [id, params.name, after?.[0] ?? null, query.limit + 1],
      );
      const { items, next_cursor } = pageOf(rows, query.limit, ({ version }) => [version]);
      const versions = items.map((row) => ({
        id: row.id,
        version: row.version,
        created_at: row.created_at.toISOString(),
      }));
      return { versions, next_cursor };
    }),
    handle(routes.getWorkflowVersion, async ({ params, query, caller }) => {
      const { id } = await oneOrganisation(database, caller, query.organisation);
      const row = await findVersion(database, id, params);
      return { ...row, created_at: row.created_at.toISOString() };
    }),
    handle(routes.diffWorkflow, async ({ params, query, caller }) => {
      const { id } = await oneOrganisation(database, caller, query.organisation);
      return await compareVersions(database, id, { name: params.name, from: query.from, to: query.to });
    }),
  ];
}

async function compareVersions(
  database: Database,
  organisationId: string,
  { name, from, to }: { name: string; from: number | undefined; to: number | undefined },
) {
  const newer = to ?? (await findWorkflow(database, organisationId, name)).version;
  const older = from ?? Math.max(1, newer - 1);
  const [before, after] = await Promise.all(
    [older, newer].map((version) => findVersion(database, organisationId, { name, version })),
  );
  return { from: older, to: newer, changes: changesBetween(definitionOf(before!), definitionOf(after!)) };
}

function definitionOf(row: VersionRow): JsonValue {
  return row.definition as JsonValue;
}

async function findWorkflow(database: Database, organisationId: string, name: string): Promise<WorkflowRow> {
  const [row] = await database.query<WorkflowRow>(
    `${workflowRows} where w.organisation_id = $1 and w.name = $2`,
    [organisationId, name],
  );
  if (row === undefined) throw unknown(`There is no workflow "${name}"`, 'name');
  return row;
}

async function findVersion(
  database: Database,
  organisationId: string,
  { name, version }: { name: string; version: number },
): Promise<VersionRow> {
  const [row] = await database.query<VersionRow>(`${versionRows} and v.version = $3`, [
    organisationId,
    name,
    version,
  ]);
  if (row === undefined) throw unknown(`There is no version ${version} of a workflow "${name}"`, 'version');
  return row;
}

function unknown(detail: string, attr: string): ApiError {
  return apiError('not_found', detail, attr);
}

function shownWorkflow(row: WorkflowRow): Workflow {
  return { ...row, created_at: row.created_at.toISOString(), updated_at: row.updated_at.toISOString() };
}
