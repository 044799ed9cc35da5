import type { ExportResponse } from '@longshore/contracts';
import { routes } from '@longshore/contracts';
import { handle, type MountedRoute } from '../http/server.ts';
import { oneOrganisation } from '../native/visible-organisations.ts';
import type { Database } from '../store/database.ts';
import { readApplyState, type DeploymentForm, type PipelineForm } from './apply-state.ts';

/** `GET /api/v1/export`. */
export function exportRoutes({ database }: { database: Database }): MountedRoute[] {
  return [
    handle(routes.exportWorkflows, async ({ query, caller }) => {
      const { id } = await oneOrganisation(database, caller, query.organisation);
      return await exportDocuments(database, id);
    }),
  ];
}

/** Everything of an organisation as documents whose application changes nothing, read at one moment. */
async function exportDocuments(database: Database, organisationId: string): Promise<ExportResponse> {
  const state = await database.transaction(async (client) => {
    await client.query('set transaction isolation level repeatable read, read only');
    return await readApplyState(client, organisationId);
  });
  return {
    workflows: [...state.workflows.values()].map(({ name, version, form }) => ({
      version,
      document: { kind: 'workflow', name, ...form },
    })),
    deployments: [...state.deployments.values()].map(({ name, version, form }) => ({
      version,
      document: { kind: 'deployment', api_name: name, ...withoutDefaults(form) },
    })),
    pipelines: [...state.pipelines.values()].map(({ name, version, form }) => ({
      version,
      document: { kind: 'pipeline', pipeline_id: name, ...withoutDefaults(form) },
    })),
    schedules: [...state.schedules].map(([name, { paused, ...form }]) => ({
      document: { kind: 'schedule', name, ...form, ...(paused ? { paused } : {}) },
    })),
  };
}

/** What would be so anyhow need not be written. */
function withoutDefaults<Form extends DeploymentForm | PipelineForm>({
  active,
  settings = {},
  ...form
}: Form): Form {
  return {
    ...(form as unknown as Form),
    ...(active === false ? { active } : {}),
    ...(Object.keys(settings).length > 0 ? { settings } : {}),
  };
}
