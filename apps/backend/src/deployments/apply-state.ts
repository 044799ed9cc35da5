import type {
  DeploymentDocument,
  JsonValue,
  PipelineDocument,
  ScheduleForm,
  WorkflowDocument,
} from '@longshore/contracts';
import type { SqlClient } from '../store/database.ts';

/** A workflow as it stands, without its name. */
export type WorkflowForm = Omit<WorkflowDocument, 'kind' | 'name'>;
/** A deployment as it stands, without its name, and with what it does by default. */
export type DeploymentForm = Omit<DeploymentDocument, 'kind' | 'api_name'>;
/** A pipeline as it stands, without its name, and with what it does by default. */
export type PipelineForm = Omit<PipelineDocument, 'kind' | 'pipeline_id'>;
/** A schedule as it stands, without its name. */
export type ScheduleState = ScheduleForm & { readonly paused: boolean };

export interface StoredWorkflow {
  readonly id: string;
  readonly name: string;
  /** The latest. All from 1 on exist. */
  readonly version: number;
  readonly form: WorkflowForm;
}

export interface StoredDeployment<Form = DeploymentForm> {
  readonly name: string;
  readonly form: Form;
  /** The version that new executions get. */
  readonly version: number;
}

/** What an organisation has, in the order of names. */
export interface ApplyState {
  readonly workflows: ReadonlyMap<string, StoredWorkflow>;
  readonly deployments: ReadonlyMap<string, StoredDeployment>;
  readonly pipelines: ReadonlyMap<string, StoredDeployment<PipelineForm>>;
  readonly schedules: ReadonlyMap<string, ScheduleState>;
}

/** Reads all workflows, each with its latest version, and all deployments, pipelines and schedules of an organisation. */
export async function readApplyState(
  client: Pick<SqlClient, 'query'>,
  organisationId: string,
): Promise<ApplyState> {
  const workflows = await client.query<WorkflowRow>(
    `select w.id, w.name, w.description, v.version, v.definition
       from workflows w
       cross join lateral (
         select version, definition from workflow_versions
          where workflow_id = w.id order by version desc limit 1) v
      where w.organisation_id = $1 order by w.name`,
    [organisationId],
  );
  const deployments = await client.query<DeploymentRow>(
    `select d.kind, d.source, d.destination, d.api_name, w.name as workflow, d.version as pinned, d.description, d.active, d.settings,
            coalesce(d.version, v.latest) as version
       from deployments d
       join workflows w on w.id = d.workflow_id
       cross join lateral (
         select max(version) as latest from workflow_versions where workflow_id = w.id) v
      where d.organisation_id = $1 order by d.api_name`,
    [organisationId],
  );
  const schedules = await client.query<{ name: string; form: ScheduleForm; paused: boolean }>(
    'select name, form, paused from schedules where organisation_id = $1 order by name',
    [organisationId],
  );
  return {
    schedules: new Map(schedules.rows.map(({ name, form, paused }) => [name, { ...form, paused }])),
    workflows: new Map(workflows.rows.map((row) => [row.name, storedWorkflow(row)])),
    deployments: new Map(
      deployments.rows
        .filter(({ kind }) => kind === 'api')
        .map((row) => [row.api_name, storedDeployment(row)]),
    ),
    pipelines: new Map(
      deployments.rows
        .filter(({ kind }) => kind === 'pipeline')
        .map((row) => [row.api_name, storedPipeline(row)]),
    ),
  };
}

interface WorkflowRow {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly version: number;
  readonly definition: Pick<WorkflowForm, 'steps' | 'output_schema'>;
}

interface DeploymentRow {
  readonly kind: 'api' | 'pipeline';
  /** Of a pipeline alone. */
  readonly source: PipelineForm['source'];
  readonly destination: PipelineForm['destination'];
  readonly api_name: string;
  readonly workflow: string;
  readonly pinned: number | null;
  readonly description: string | null;
  readonly active: boolean;
  readonly settings: Record<string, JsonValue>;
  readonly version: number;
}

function storedWorkflow({ id, name, version, description, definition }: WorkflowRow): StoredWorkflow {
  return { id, name, version, form: { ...(description === null ? {} : { description }), ...definition } };
}

function storedDeployment(row: DeploymentRow): StoredDeployment {
  const { api_name: name, workflow, pinned, description, active, settings, version } = row;
  const form = {
    workflow,
    ...(pinned === null ? {} : { version: pinned }),
    ...(description === null ? {} : { description }),
    active,
    settings,
  };
  return { name, form, version };
}

function storedPipeline(row: DeploymentRow): StoredDeployment<PipelineForm> {
  const { name, form, version } = storedDeployment(row);
  const { source, destination } = row;
  return { name, form: { ...form, source, destination }, version };
}
