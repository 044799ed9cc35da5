import { ApiError, apiError, errorCodes, pipelineTasks, type ExecutionContext } from '@longshore/contracts';
import type { Dispatcher, WrittenDispatch } from '../dispatch/dispatcher.ts';
import type { ParcelPlan } from '../dispatch/publication-plan.ts';
import type { TaskCatalogue } from '../dispatch/task-catalogue.ts';
import type { Deployment } from '../deployments/deployments.ts';
import type { PendingObject } from '../files/file-store.ts';
import type { Database } from '../store/database.ts';
import type { ExecutionFields } from './request-fields.ts';
import type { ReceivedUpload } from './upload.ts';

export interface AcceptLimits {
  readonly maxUnfinishedPerOrganisation: number;
  readonly maxUnfinished: number;
  readonly maxParallelFiles: number;
}

export interface AcceptDependencies {
  readonly database: Database;
  readonly dispatcher: Dispatcher;
  readonly catalogue: TaskCatalogue;
  readonly backendId: string;
  readonly limits: AcceptLimits;
  readonly remember: (context: ExecutionContext) => void;
}

export interface NewExecution {
  readonly id: string;
  readonly deployment: Deployment;
  readonly fields: ExecutionFields;
  readonly upload: ReceivedUpload;
}

/** What a client that was refused for load should wait, seconds. */
const RETRY_AFTER_SECONDS = 5;

/**
 * The planning task's policy when no api-deployment worker ever registered: accepting must not depend on a worker
 * having been there first. Its rows are read again when it runs.
 */
const PLAN_QUEUE = 'api_deployments';
const PLAN_FALLBACK = { maxAttempts: 3, softLimitMs: 3_300_000, hardLimitMs: 3_600_000 };

/** The function counts and inserts under one lock: the limits hold exactly, across all backends. */
const acceptExecution = {
  name: 'accept_execution',
  text: 'select total, own, dispatched from accept_execution($1::jsonb)',
};

interface AcceptRow {
  total: number;
  own: number;
  dispatched: WrittenDispatch | null;
}

/**
 * Accepts an execution: when this resolves, its rows and its bytes are durable, and it will end. The bytes get
 * their name before the rows are committed, and go when the execution is refused. After any other error nobody
 * knows whether the rows were committed, so the bytes stay for the sweeper.
 *
 * @throws ApiError 429 with Retry-After when too many executions are unfinished.
 */
export async function acceptExecutionRequest(
  dependencies: AcceptDependencies,
  execution: NewExecution,
): Promise<void> {
  const { dispatcher, limits } = dependencies;
  const { object } = execution.upload;
  if (object !== null) await commitOrDiscard(object);
  const parcel = dispatcher.planParcels([{ task: pipelineTasks.plan, queue: PLAN_QUEUE }]);
  const row = await insertExecution(dependencies, execution, parcel).finally(parcel.release);
  if (row.dispatched === null) {
    await object?.discard();
    throw tooMany(row, limits);
  }
  dependencies.remember(contextOf(execution));
  dispatcher.committed([row.dispatched], {});
}

async function commitOrDiscard(object: PendingObject): Promise<void> {
  try {
    await object.commit();
  } catch (error) {
    await object.discard();
    throw error;
  }
}

async function insertExecution(
  { database, dispatcher, catalogue, limits, backendId }: AcceptDependencies,
  execution: NewExecution,
  parcel: ParcelPlan,
): Promise<AcceptRow> {
  const { id, deployment, fields, upload } = execution;
  const policy = catalogue.policy(pipelineTasks.plan) ?? PLAN_FALLBACK;
  const dispatchId = parcel.dispatchIds[0]!;
  const target = parcel.targets[dispatchId];
  const request = {
    id,
    organisation_id: deployment.organisationId,
    max_unfinished: limits.maxUnfinished,
    max_unfinished_own: limits.maxUnfinishedPerOrganisation,
    deployment_id: deployment.id,
    workflow_version_id: deployment.workflowVersionId,
    tags: fields.tags,
    custom_data: fields.customData,
    include_metadata: fields.flags.includeMetadata,
    include_metrics: fields.flags.includeMetrics,
    include_extracted_text: fields.flags.includeExtractedText,
    llm_profile_id: fields.llmProfileId,
    object: upload.objectName,
    files: fileRows(upload),
    task: pipelineTasks.plan,
    queue: PLAN_QUEUE,
    input: planInput(execution, limits),
    max_attempts: policy.maxAttempts,
    soft_limit_ms: policy.softLimitMs,
    hard_limit_ms: policy.hardLimitMs,
    dispatch_id: dispatchId,
    pool: target?.pool ?? null,
    holder: backendId,
    term: target?.term ?? null,
    publication_timeout_ms: dispatcher.publicationTimeoutMs,
  };
  const [row] = await database.hot<AcceptRow>(acceptExecution, [JSON.stringify(request)]);
  return row!;
}

function fileRows(upload: ReceivedUpload) {
  return upload.files.map(({ id, name, size, sha256, offset }, ordinal) => ({
    id,
    ordinal,
    name,
    size,
    sha256,
    byte_offset: offset,
  }));
}

function planInput({ deployment, upload }: NewExecution, limits: AcceptLimits) {
  return {
    files: upload.files.map(({ id, name, size, sha256 }, ordinal) => ({
      file_id: id,
      name,
      size,
      sha256,
      ordinal,
    })),
    max_parallel_files: deployment.maxParallelFiles ?? limits.maxParallelFiles,
    workflow_version_id: deployment.workflowVersionId,
  };
}

function contextOf({ id, deployment, fields }: NewExecution): ExecutionContext {
  return {
    execution_id: id,
    workflow_version_id: deployment.workflowVersionId,
    include_extracted_text: fields.flags.includeExtractedText,
    custom_data: fields.customData,
    tags: fields.tags,
  };
}

function tooMany(counts: { own: number }, limits: AcceptLimits): ApiError {
  const own = counts.own >= limits.maxUnfinishedPerOrganisation;
  const detail = own
    ? `This organisation has ${counts.own} unfinished executions; ${limits.maxUnfinishedPerOrganisation} are allowed`
    : `${limits.maxUnfinished} executions are unfinished; no more are accepted for the moment`;
  const code = 'too_many_executions';
  return new ApiError(errorCodes[code], [{ code, detail, attr: null }], RETRY_AFTER_SECONDS);
}

/** @throws ApiError 400 when the request carries no file. */
export function requireFiles(upload: ReceivedUpload): void {
  if (upload.files.length === 0)
    throw apiError('required', 'Send at least one file in the field "files"', 'files');
}
