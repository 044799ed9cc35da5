import {
  validationError,
  type ApplyDocument,
  type ApplyResponse,
  type DeploymentDocument,
  type JsonValue,
  type PipelineDocument,
  type ScheduleDocument,
  type WorkflowDocument,
} from '@longshore/contracts';
import { changesBetween } from '../native/changes-between.ts';
import type { ApplyState, DeploymentForm, PipelineForm, ScheduleState, WorkflowForm } from './apply-state.ts';

export type Change = ApplyResponse['changes'][number];

/** What is to be written of one document, beside what is said about it. */
export type PlannedChange = { readonly change: Change } & (
  | { readonly kind: 'workflow'; readonly form: WorkflowForm; readonly newVersion: boolean }
  | { readonly kind: 'deployment'; readonly form: DeploymentForm }
  | { readonly kind: 'pipeline'; readonly form: PipelineForm }
  | { readonly kind: 'schedule'; readonly form: ScheduleState }
);

interface Placed<Document> {
  readonly document: Document;
  /** Where it stands in the request. */
  readonly index: number;
}

/**
 * What must be done to bring an organisation from its state to what the documents say, workflows first.
 *
 * @throws ApiError 400 that names the document: one that stands twice, or one of a workflow, a version or a pipeline that
 * does not exist.
 */
export function planApply(state: ApplyState, documents: readonly ApplyDocument[]): PlannedChange[] {
  refuseRepeated(documents);
  const placed = documents.map((document, index) => ({ document, index }));
  const workflows = placed.filter(isWorkflow).map(({ document }) => planWorkflow(state, document));
  const versions = new Map([...state.workflows].map(([name, { version }]) => [name, version]));
  for (const { change } of workflows) versions.set(change.name, change.version!);
  const deployments = placed.filter(isDeployment).map((entry) => planDeployment(state, versions, entry));
  const pipelines = placed.filter(isPipeline).map((entry) => planPipeline(state, versions, entry));
  const names = new Set([...state.pipelines.keys(), ...pipelines.map(({ change }) => change.name)]);
  const schedules = placed.filter(isSchedule).map((entry) => planSchedule(state, names, entry));
  return [...workflows, ...deployments, ...pipelines, ...schedules];
}

function isWorkflow(entry: Placed<ApplyDocument>): entry is Placed<WorkflowDocument> {
  return entry.document.kind === 'workflow';
}

function isDeployment(entry: Placed<ApplyDocument>): entry is Placed<DeploymentDocument> {
  return entry.document.kind === 'deployment';
}

function isPipeline(entry: Placed<ApplyDocument>): entry is Placed<PipelineDocument> {
  return entry.document.kind === 'pipeline';
}

function isSchedule(entry: Placed<ApplyDocument>): entry is Placed<ScheduleDocument> {
  return entry.document.kind === 'schedule';
}

/** The key of a document that names it. Deployments and pipelines share their names: each is a public address. */
const NAME_KEYS = {
  workflow: 'name',
  deployment: 'api_name',
  pipeline: 'pipeline_id',
  schedule: 'name',
  credential: 'name',
} as const;

function nameOf(document: ApplyDocument): string {
  if (document.kind === 'deployment') return document.api_name;
  return document.kind === 'pipeline' ? document.pipeline_id : document.name;
}

const SPACES = {
  workflow: 'workflow',
  deployment: 'address',
  pipeline: 'address',
  schedule: 'schedule',
  credential: 'credential',
} as const;

/** Two documents of one name would each undo the other, and the last would win silently. */
function refuseRepeated(documents: readonly ApplyDocument[]): void {
  const spaces = documents.map((document) => `${SPACES[document.kind]} ${nameOf(document)}`);
  const issues = documents.flatMap((document, index) => {
    const first = spaces.indexOf(spaces[index]!);
    if (first === index) return [];
    const path = ['documents', index, NAME_KEYS[document.kind]];
    return [
      { path, message: `There is another document for the ${documents[first]!.kind} "${nameOf(document)}"` },
    ];
  });
  if (issues.length > 0) throw validationError(issues);
}

function planWorkflow(state: ApplyState, { kind, name, ...given }: WorkflowDocument): PlannedChange {
  const form = withoutGaps(given);
  const stored = state.workflows.get(name);
  const differences = changesBetween(asJson(stored?.form ?? {}), asJson(form));
  const newVersion = stored === undefined || differences.some(({ path }) => path !== '/description');
  const version = (stored?.version ?? 0) + (newVersion ? 1 : 0);
  const change = { kind, name, action: actionOf(stored, differences), version, differences };
  return { kind, form, newVersion, change };
}

function planDeployment(
  state: ApplyState,
  versions: ReadonlyMap<string, number>,
  { document, index }: Placed<DeploymentDocument>,
): PlannedChange {
  const { kind, api_name: name, active = true, settings = {}, ...given } = document;
  const latest = versions.get(given.workflow);
  if (state.pipelines.has(name)) throw nameIsTaken({ document, index }, 'pipeline');
  refuseMissing(document, latest, index);
  const form = withoutGaps({ ...given, active, settings });
  const stored = state.deployments.get(name);
  const differences = changesBetween(asJson(stored?.form ?? {}), asJson(form));
  const version = form.version ?? latest!;
  return { kind, form, change: { kind, name, action: actionOf(stored, differences), version, differences } };
}

function planPipeline(
  state: ApplyState,
  versions: ReadonlyMap<string, number>,
  { document, index }: Placed<PipelineDocument>,
): PlannedChange {
  const { kind, pipeline_id: name, active = true, settings = {}, ...given } = document;
  const latest = versions.get(given.workflow);
  if (state.deployments.has(name)) throw nameIsTaken({ document, index }, 'deployment');
  refuseMissing(document, latest, index);
  const form = withoutGaps({ ...given, active, settings });
  const stored = state.pipelines.get(name);
  const differences = changesBetween(asJson(stored?.form ?? {}), asJson(form));
  const version = form.version ?? latest!;
  return { kind, form, change: { kind, name, action: actionOf(stored, differences), version, differences } };
}

/** A document that says nothing of a pause leaves it to those who paused or resumed by hand. */
function planSchedule(
  state: ApplyState,
  pipelines: ReadonlySet<string>,
  { document, index }: Placed<ScheduleDocument>,
): PlannedChange {
  const { kind, name, ...given } = document;
  if (given.pipeline !== undefined && !pipelines.has(given.pipeline)) {
    const message = `Schedule "${name}" names the pipeline "${given.pipeline}", which does not exist`;
    throw validationError([{ path: ['documents', index, 'pipeline'], message }]);
  }
  const stored = state.schedules.get(name);
  const form = withoutGaps({ ...given, paused: given.paused ?? stored?.paused ?? false });
  const differences = changesBetween(asJson(stored ?? {}), asJson(form));
  return {
    kind,
    form,
    change: { kind, name, action: actionOf(stored, differences), version: null, differences },
  };
}

function nameIsTaken({ document, index }: Placed<DeploymentDocument | PipelineDocument>, by: string) {
  const message = `There is a ${by} "${nameOf(document)}", and the names of both are one set`;
  return validationError([{ path: ['documents', index, NAME_KEYS[document.kind]], message }]);
}

function refuseMissing(
  document: DeploymentDocument | PipelineDocument,
  latest: number | undefined,
  index: number,
) {
  const { kind, workflow, version } = document;
  if (latest === undefined) {
    const what = kind === 'deployment' ? 'Deployment' : 'Pipeline';
    const message = `${what} "${nameOf(document)}" names the workflow "${workflow}", which does not exist`;
    throw validationError([{ path: ['documents', index, 'workflow'], message }]);
  }
  if (version !== undefined && version > latest) {
    const message = `Workflow "${workflow}" has no version ${version}: its latest is ${latest}`;
    throw validationError([{ path: ['documents', index, 'version'], message }]);
  }
}

function actionOf(stored: object | undefined, differences: readonly unknown[]): Change['action'] {
  if (stored === undefined) return 'created';
  return differences.length === 0 ? 'unchanged' : 'updated';
}

/** Keys that are there without a value are not there. */
function withoutGaps<Form>(form: Form): Form {
  return JSON.parse(JSON.stringify(form)) as Form;
}

function asJson(form: object): JsonValue {
  return form as JsonValue;
}
