import { apiError, type ApplyResponse } from '@longshore/contracts';
import type { z } from 'zod';
import type { applyRequestSchema } from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import type { Act } from '../audit/request-audit.ts';
import type { Database, SqlClient } from '../store/database.ts';
import { applyCredential, planCredentials } from '../credentials/apply-credentials.ts';
import type { Sealing } from '../sealing/sealing.ts';
import { planApply, type PlannedChange } from './apply-plan.ts';
import { readApplyState } from './apply-state.ts';
import type { CheckSchedule } from '../schedules/check-schedule.ts';
import { applySchedule, refuseWrongSchedules } from '../schedules/apply-schedules.ts';
import { writePipeline } from '../pipelines/write-pipeline.ts';

type ApplyRequest = z.output<typeof applyRequestSchema>;
type WorkflowChange = Extract<PlannedChange, { kind: 'workflow' }>;
type DeploymentChange = Extract<PlannedChange, { kind: 'deployment' }>;

export interface ApplyDependencies {
  readonly database: Database;
  readonly checkSchedule: CheckSchedule;
  readonly sealing: Sealing;
}

/**
 * Creates or updates credentials, workflows, deployments, pipelines and schedules, all in one transaction: all documents take effect, or none. A
 * workflow whose definition changed, whatever the order of its keys, gets a new version; executions keep the version
 * they started with. A dry run says the same and writes nothing but its line of the audit log.
 *
 * @throws ApiError 404 unknown organisation; 400 a document that stands twice, or a deployment of a workflow or a
 * version that does not exist; what is wrong with a schedule; a pipeline whose credential is not there.
 */
export async function applyDocuments(
  { database, checkSchedule, sealing }: ApplyDependencies,
  { organisation, documents, dry_run = false }: ApplyRequest,
  act: Act,
): Promise<ApplyResponse> {
  await refuseWrongSchedules(database, checkSchedule, documents);
  return await database.transaction(async (client) => {
    const organisationId = await organisationIdOf(client, organisation);
    const plan = planApply(await readApplyState(client, organisationId), documents);
    const owner = { organisationId, sealing };
    const credentials = await planCredentials(client, owner, documents);
    if (!dry_run) {
      for (const planned of credentials) await applyCredential(client, owner, planned);
      for (const planned of plan) await carryOut(client, organisationId, planned);
    }
    const changes = [...credentials, ...plan].map(({ change }) => change);
    const told = changes.map(({ differences: _differences, ...change }) => change);
    const detail = dry_run ? { changes: told, dry_run } : { changes: told };
    await act.record(client, { target: organisation, organisationId, detail });
    return { changes };
  });
}

/** The lock makes those wait who apply to the same organisation. */
async function organisationIdOf(client: SqlClient, name: string): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    'select id from organisations where name = $1 for update',
    [name],
  );
  if (rows[0] === undefined)
    throw apiError('not_found', `There is no organisation "${name}"`, 'organisation');
  return rows[0].id;
}

async function carryOut(client: SqlClient, organisationId: string, planned: PlannedChange): Promise<void> {
  if (planned.change.action === 'unchanged') return;
  if (planned.kind === 'workflow') await writeWorkflow(client, organisationId, planned);
  else if (planned.kind === 'schedule') await applySchedule(client, organisationId, planned);
  else if (planned.kind === 'pipeline') await writePipeline(client, organisationId, planned);
  else await writeDeployment(client, organisationId, planned);
}

async function writeWorkflow(
  client: SqlClient,
  organisationId: string,
  { change, form, newVersion }: WorkflowChange,
): Promise<void> {
  const { description = null, ...definition } = form;
  const { rows } = await client.query<{ id: string }>(
    `insert into workflows (id, organisation_id, name, description) values ($1, $2, $3, $4)
     on conflict (organisation_id, name) do update set description = excluded.description returning id`,
    [uuidV7(), organisationId, change.name, description],
  );
  if (!newVersion) return;
  await client.query(
    'insert into workflow_versions (id, workflow_id, version, definition) values ($1, $2, $3, $4)',
    [uuidV7(), rows[0]!.id, change.version, JSON.stringify(definition)],
  );
}

async function writeDeployment(
  client: SqlClient,
  organisationId: string,
  { change, form }: DeploymentChange,
): Promise<void> {
  const { workflow, version = null, description = null, active, settings } = form;
  await client.query(
    `insert into deployments (id, organisation_id, api_name, workflow_id, version, description, settings, active)
     select $1, $2, $3, w.id, $5, $6, $7, $8 from workflows w where w.organisation_id = $2 and w.name = $4
     on conflict (organisation_id, api_name) do update
        set (workflow_id, version, description, settings, active) =
            (excluded.workflow_id, excluded.version, excluded.description, excluded.settings, excluded.active)`,
    [uuidV7(), organisationId, change.name, workflow, version, description, JSON.stringify(settings), active],
  );
}
