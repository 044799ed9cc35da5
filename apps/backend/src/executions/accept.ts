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

/** Any number; the same for every backend, so that counting and inserting is one step across all of them. */
const ACCEPT_LOCK = 7_061_983;
/** What a client that was refused for load should wait, seconds. */
const RETRY_AFTER_SECONDS = 5;

/**
 * The planning task's policy when no api-deployment worker ever registered: accepting must not depend on a worker
 * having been there first. Its rows are read again when it runs.
 */
const PLAN_QUEUE = 'api_deployments';
const PLAN_FALLBACK = { maxAttempts: 3, softLimitMs: 3_300_000, hardLimitMs: 3_600_000 };

const acceptExecution = {
  name: 'accept_execution',
  text: `
with counts as (
  select count(*) as total, count(*) filter (where organisation_id = $2::uuid) as own from live_executions
), allowed as (
  select 1 from counts where total < $3::int and own < $4::int
), execution as (
  insert into executions (id, organisation_id, deployment_id, workflow_version_id, tags, custom_data, include_metadata,
                          include_metrics, include_extracted_text, llm_profile_id)
  select $1::uuid, $2::uuid, $5::uuid, $6::uuid, $7::text[], $8::jsonb, $9, $10, $11, $12::uuid from allowed
), live as (
  insert into live_executions (id, organisation_id) select $1::uuid, $2::uuid from allowed
), stored as (
  insert into files (id, execution_id, organisation_id, ordinal, name, size, sha256, object, byte_offset)
  select f.id, $1::uuid, $2::uuid, f.ordinal, f.name, f.size, f.sha256, $14, f.byte_offset
    from allowed, jsonb_to_recordset($13::jsonb)
      as f (id uuid, ordinal int, name text, size bigint, sha256 text, byte_offset bigint)
), run as (
  insert into runs (id, organisation_id, root_id, task, queue, input, max_attempts, soft_limit_ms, hard_limit_ms, dispatch_id)
  select $1::uuid, $2::uuid, $1::uuid, $15, $16, $17::jsonb, $18::int, $19::bigint, $20::bigint, $21::uuid from allowed
), lease as (
  select pool from pool_leases
   where pool = $22 and holder = $23::uuid and term = $24::bigint and expires_at > now()
), dispatched as (
  insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due, pool, publications)
  select $21::uuid, $2::uuid, $15, $16, 0, array[$1::uuid], 1, true,
         now() + (case when exists (select from lease) then $25::float8 else 0 end) * interval '1 ms',
         (select pool from lease), case when exists (select from lease) then 1 else 0 end
    from allowed
  returning id, pool, queue, task, run_ids, ready
)
select c.total::int as total, c.own::int as own, (select to_jsonb(dispatched) from dispatched) as dispatched from counts c`,
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

function insertExecution(
  { database, dispatcher, catalogue, limits, backendId }: AcceptDependencies,
  execution: NewExecution,
  parcel: ParcelPlan,
): Promise<AcceptRow> {
  const { id, deployment, fields, upload } = execution;
  const policy = catalogue.policy(pipelineTasks.plan) ?? PLAN_FALLBACK;
  const dispatchId = parcel.dispatchIds[0]!;
  const target = parcel.targets[dispatchId];
  const values = [
    id,
    deployment.organisationId,
    limits.maxUnfinished,
    limits.maxUnfinishedPerOrganisation,
    deployment.id,
    deployment.workflowVersionId,
    fields.tags,
    jsonOrNull(fields.customData),
    fields.flags.includeMetadata,
    fields.flags.includeMetrics,
    fields.flags.includeExtractedText,
    fields.llmProfileId,
    JSON.stringify(fileRows(upload)),
    upload.objectName,
    pipelineTasks.plan,
    PLAN_QUEUE,
    JSON.stringify(planInput(execution, limits)),
    policy.maxAttempts,
    policy.softLimitMs,
    policy.hardLimitMs,
    dispatchId,
    target?.pool ?? null,
    backendId,
    target?.term ?? null,
    dispatcher.publicationTimeoutMs,
  ];
  return database.transaction(async (client) => {
    await client.query(`select pg_advisory_xact_lock(${ACCEPT_LOCK})`);
    const { rows } = await client.query<AcceptRow>({ ...acceptExecution, values });
    return rows[0]!;
  });
}

function jsonOrNull(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
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
