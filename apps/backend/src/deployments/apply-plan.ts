import {
  validationError,
  type ApplyDocument,
  type ApplyResponse,
  type DeploymentDocument,
  type JsonValue,
  type WorkflowDocument,
} from '@longshore/contracts';
import { changesBetween } from '../native/changes-between.ts';
import type { ApplyState, DeploymentForm, WorkflowForm } from './apply-state.ts';

export type Change = ApplyResponse['changes'][number];

/** What is to be written of one document, beside what is said about it. */
export type PlannedChange = { readonly change: Change } & (
  | { readonly kind: 'workflow'; readonly form: WorkflowForm; readonly newVersion: boolean }
  | { readonly kind: 'deployment'; readonly form: DeploymentForm }
);

interface Placed<Document> {
  readonly document: Document;
  /** Where it stands in the request. */
  readonly index: number;
}

/**
 * What must be done to bring an organisation from its state to what the documents say, workflows first.
 *
 * @throws ApiError 400 that names the document: one that stands twice, or a deployment of a workflow or version that
 * does not exist.
 */
export function planApply(state: ApplyState, documents: readonly ApplyDocument[]): PlannedChange[] {
  refuseRepeated(documents);
  const placed = documents.map((document, index) => ({ document, index }));
  const workflows = placed.filter(isWorkflow).map(({ document }) => planWorkflow(state, document));
  const versions = new Map([...state.workflows].map(([name, { version }]) => [name, version]));
  for (const { change } of workflows) versions.set(change.name, change.version!);
  const deployments = placed.filter(isDeployment).map((entry) => planDeployment(state, versions, entry));
  return [...workflows, ...deployments];
}

function isWorkflow(entry: Placed<ApplyDocument>): entry is Placed<WorkflowDocument> {
  return entry.document.kind === 'workflow';
}

function isDeployment(entry: Placed<ApplyDocument>): entry is Placed<DeploymentDocument> {
  return entry.document.kind === 'deployment';
}

/** Two documents of one name would each undo the other, and the last would win silently. */
function refuseRepeated(documents: readonly ApplyDocument[]): void {
  const names = documents.map((document) =>
    document.kind === 'workflow' ? `workflow "${document.name}"` : `deployment "${document.api_name}"`,
  );
  const issues = names.flatMap((name, index) => {
    const path = ['documents', index, documents[index]?.kind === 'workflow' ? 'name' : 'api_name'];
    return names.indexOf(name) === index
      ? []
      : [{ path, message: `There is another document for the ${name}` }];
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
  refuseMissing(document, latest, index);
  const form = withoutGaps({ ...given, active, settings });
  const stored = state.deployments.get(name);
  const differences = changesBetween(asJson(stored?.form ?? {}), asJson(form));
  const version = form.version ?? latest!;
  return { kind, form, change: { kind, name, action: actionOf(stored, differences), version, differences } };
}

function refuseMissing(
  { api_name, workflow, version }: DeploymentDocument,
  latest: number | undefined,
  index: number,
) {
  if (latest === undefined) {
    const message = `Deployment "${api_name}" names the workflow "${workflow}", which does not exist`;
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
