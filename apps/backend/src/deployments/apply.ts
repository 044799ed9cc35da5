import { apiError, type ApplyResponse } from '@longshore/contracts';
import type { z } from 'zod';
import type { applyRequestSchema } from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import { isDeepStrictEqual } from 'node:util';
import type { Database, SqlClient } from '../store/database.ts';

type ApplyRequest = z.output<typeof applyRequestSchema>;
type Document = ApplyRequest['documents'][number];
type WorkflowDocument = Extract<Document, { kind: 'workflow' }>;
type DeploymentDocument = Extract<Document, { kind: 'deployment' }>;
type Change = ApplyResponse['changes'][number];

/**
 * Creates or updates workflows and deployments, all in one transaction: all documents take effect, or none. A
 * workflow whose definition changed gets a new version; executions keep the version they started with.
 *
 * @throws ApiError 404 unknown organisation, 400 a deployment of a workflow that does not exist.
 */
export async function applyDocuments(database: Database, request: ApplyRequest): Promise<ApplyResponse> {
  return await database.transaction(async (client) => {
    const organisationId = await organisationIdOf(client, request.organisation);
    const changes: Change[] = [];
    for (const document of [...request.documents].sort(workflowsFirst)) {
      changes.push(
        document.kind === 'workflow'
          ? await applyWorkflow(client, organisationId, document)
          : await applyDeployment(client, organisationId, document),
      );
    }
    return { changes };
  });
}

function workflowsFirst(a: Document, b: Document): number {
  return Number(b.kind === 'workflow') - Number(a.kind === 'workflow');
}

async function organisationIdOf(client: SqlClient, name: string): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    'select id from organisations where name = $1 for update',
    [name],
  );
  if (rows[0] === undefined) throw apiError('not_found', `There is no organisation "${name}"`);
  return rows[0].id;
}

async function applyWorkflow(
  client: SqlClient,
  organisationId: string,
  document: WorkflowDocument,
): Promise<Change> {
  const { kind: _kind, name, description: _description, ...definition } = document;
  const { rows } = await client.query<{ id: string; version: number; definition: unknown }>(
    `select w.id, v.version, v.definition from workflows w
       join workflow_versions v on v.workflow_id = w.id
      where w.organisation_id = $1 and w.name = $2 order by v.version desc limit 1`,
    [organisationId, name],
  );
  const latest = rows[0];
  const stored = JSON.parse(JSON.stringify(definition)) as unknown;
  if (latest !== undefined && isDeepStrictEqual(latest.definition, stored)) {
    return { kind: 'workflow', name, action: 'unchanged', version: latest.version };
  }
  const workflowId = latest?.id ?? (await insertWorkflow(client, organisationId, name));
  const version = (latest?.version ?? 0) + 1;
  await client.query(
    'insert into workflow_versions (id, workflow_id, version, definition) values ($1, $2, $3, $4)',
    [uuidV7(), workflowId, version, JSON.stringify(stored)],
  );
  return { kind: 'workflow', name, action: latest === undefined ? 'created' : 'updated', version };
}

async function insertWorkflow(client: SqlClient, organisationId: string, name: string): Promise<string> {
  const id = uuidV7();
  await client.query('insert into workflows (id, organisation_id, name) values ($1, $2, $3)', [
    id,
    organisationId,
    name,
  ]);
  return id;
}

async function applyDeployment(
  client: SqlClient,
  organisationId: string,
  document: DeploymentDocument,
): Promise<Change> {
  const { api_name, workflow, settings, active = true } = document;
  const { rows: workflows } = await client.query<{ id: string }>(
    'select id from workflows where organisation_id = $1 and name = $2',
    [organisationId, workflow],
  );
  const workflowId = workflows[0]?.id;
  if (workflowId === undefined) {
    throw apiError(
      'invalid',
      `Deployment "${api_name}" names the workflow "${workflow}", which does not exist`,
      'workflow',
    );
  }
  const { rows } = await client.query<{ inserted: boolean }>(
    `insert into deployments as d (id, organisation_id, api_name, workflow_id, settings, active)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (organisation_id, api_name) do update
        set workflow_id = excluded.workflow_id, settings = excluded.settings, active = excluded.active
      where (d.workflow_id, d.settings, d.active) is distinct from (excluded.workflow_id, excluded.settings, excluded.active)
     returning xmax = 0 as inserted`,
    [uuidV7(), organisationId, api_name, workflowId, JSON.stringify(settings ?? {}), active],
  );
  const action = rows[0] === undefined ? 'unchanged' : rows[0].inserted ? 'created' : 'updated';
  return { kind: 'deployment', name: api_name, action, version: null };
}
