import { ApiError, errorCodes, pipelineTasks, type ExecutionContext } from '@longshore/contracts';
import { createBatcher } from '@longshore/runtime';
import type { Dispatcher, WrittenDispatch } from '../dispatch/dispatcher.ts';
import type { ParcelPlan } from '../dispatch/publication-plan.ts';
import type { TaskCatalogue } from '../dispatch/task-catalogue.ts';
import type { Deployment } from '../deployments/deployments.ts';
import type { PendingObject } from '../files/file-store.ts';
import { ORGANISATION_DELETED } from '../retention/deletions.ts';
import { isCausedByContent } from '../runs/attempt-ends.ts';
import { notingTraces, type RunTraces } from '../tracing/run-traces.ts';
import { sqlStateOf, type Database } from '../store/database.ts';
import type { ExecutionFields } from './request-fields.ts';
import type { ReusedResult } from './file-history.ts';
import { KEY_VALID_HOURS, repeatedExecution, type EarlierExecution, type Once } from './idempotency.ts';
import { PLAN_QUEUE, planningRun, type PlanningRun } from './planning-run.ts';
import type { KeyedFile } from './run-key.ts';
import type { ReceivedUpload } from './upload-writer.ts';

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
  /** Where requests are traced. */
  readonly traces?: RunTraces | undefined;
}

export interface NewExecution {
  readonly id: string;
  readonly deployment: Deployment;
  readonly fields: ExecutionFields;
  readonly upload: Omit<ReceivedUpload, 'files'> & { readonly files: readonly KeyedFile[] };
  /** The key that makes repeated requests this one. */
  readonly once: Once | null;
  /** Files that need not run, because an earlier result is taken. */
  readonly reused: readonly ReusedResult[];
  /** The execution that it runs again. */
  readonly replay?: ReplayOrigin;
  /** What plans it. Default: the task that plans the files of the request. */
  readonly plannedBy?: PlanningRun;
  /** The `traceparent` of its request. */
  readonly trace?: string;
}

/** What a new execution repeats. */
export interface ReplayOrigin {
  readonly of: string;
  /** The replay of many that makes it; accepting and noting that there are one step. */
  readonly item: { readonly replayId: string; readonly place: number } | null;
}

/** The execution of a request: its own, or that of the first request under the same key. */
export interface Acceptance {
  readonly id: string;
  readonly repeated: boolean;
}

/** What a client that was refused for load should wait, seconds. */
const RETRY_AFTER_SECONDS = 5;

/**
 * The planning task's policy when no api-deployment worker ever registered: accepting must not depend on a worker
 * having been there first. Its rows are read again when it runs.
 */
const PLAN_FALLBACK = { maxAttempts: 3, softLimitMs: 3_300_000, hardLimitMs: 3_600_000 };

/**
 * The function counts and inserts under one lock: the limits hold exactly, across all backends. Executions that
 * arrive together go in one statement, and those of one organisation share a parcel.
 */
export const acceptRequests = {
  name: 'accept_requests',
  text: `
select a.total, a.own, a.dispatched, a.existing
  from jsonb_array_elements($1::jsonb) with ordinality as e (request, place)
 cross join lateral accept_new_execution(e.request) a
 order by e.place`,
};
const acceptTraced = notingTraces(acceptRequests);
const isTraced = ({ trace }: { readonly trace?: string }): boolean => trace !== undefined;
/** Requests in one statement at most. */
const MOST_TOGETHER = 50;

export interface AcceptRow {
  total: number;
  own: number;
  dispatched: WrittenDispatch | null;
  /** The execution that the key of the request names already. */
  existing: EarlierExecution | null;
}

/**
 * Accepts an execution: when this resolves, its rows and its bytes are durable, and it will end. The bytes get
 * their name before the rows are committed, and go when the execution is refused. After any other error nobody
 * knows whether the rows were committed, so the bytes stay for the sweeper.
 *
 * @throws ApiError 429 with Retry-After when too many executions are unfinished, 409 when another request was sent
 * under the same key.
 */
export type Accept = (execution: NewExecution) => Promise<Acceptance>;

export function createAccept(dependencies: AcceptDependencies): Accept {
  const inserts = createBatcher<NewExecution, AcceptRow | Error>({
    send: (executions) => insertSplitting(dependencies, executions),
    maxItems: MOST_TOGETHER,
    maxBytes: Infinity,
    sizeOf: () => 0,
  });
  const accept: Accept = async (execution) => {
    const { object } = execution.upload;
    if (object !== null) await commitOrDiscard(object);
    const row = await inserts.add(execution);
    if (row instanceof Error) return await discardIfRefused(row, object);
    if (row.dispatched !== null) return { id: execution.id, repeated: false };
    await object?.discard();
    if (row.existing === null) throw tooMany(row, dependencies.limits);
    return { id: repeatedExecution(row.existing, execution.once!), repeated: true };
  };
  const { traces } = dependencies;
  if (traces === undefined) return accept;
  return (execution) => {
    const trace = traces.current();
    return traces.step('accept', () => accept(trace === undefined ? execution : { ...execution, trace }));
  };
}

/** Nothing was committed for an organisation that was deleted while the request came in. */
async function discardIfRefused(error: unknown, object: PendingObject | null): Promise<never> {
  if (sqlStateOf(error) === ORGANISATION_DELETED) await object?.discard();
  throw error;
}

async function commitOrDiscard(object: PendingObject): Promise<void> {
  try {
    await object.commit();
  } catch (error) {
    await object.discard();
    throw error;
  }
}

/** What the database does not take of one request is the answer to that one, and must not cost the others. */
async function insertSplitting(
  dependencies: AcceptDependencies,
  executions: readonly NewExecution[],
): Promise<(AcceptRow | Error)[]> {
  try {
    return await insertTogether(dependencies, executions);
  } catch (error) {
    if (!isCausedByContent(error) && sqlStateOf(error) !== ORGANISATION_DELETED) throw error;
    if (executions.length === 1) return [error as Error];
  }
  const middle = Math.ceil(executions.length / 2);
  return [
    ...(await insertSplitting(dependencies, executions.slice(0, middle))),
    ...(await insertSplitting(dependencies, executions.slice(middle))),
  ];
}

async function insertTogether(
  dependencies: AcceptDependencies,
  executions: readonly NewExecution[],
): Promise<AcceptRow[]> {
  const { parcels, requests } = planRequests(dependencies, executions);
  const rows = await dependencies.database
    .hot<AcceptRow>(executions.some(isTraced) ? acceptTraced : acceptRequests, [JSON.stringify(requests)])
    .finally(parcels.release);
  wereAccepted(dependencies, executions, rows);
  return rows;
}

/** What the accepting statement is given for these executions, and the room that is set aside for them until it has answered. */
export function planRequests(dependencies: AcceptDependencies, executions: readonly NewExecution[]) {
  const { dispatcher } = dependencies;
  const parcels = dispatcher.planParcels(
    executions.map(({ deployment: { organisationId }, plannedBy }) => ({
      task: plannedBy?.task ?? pipelineTasks.plan,
      queue: plannedBy?.queue ?? PLAN_QUEUE,
      organisationId,
    })),
  );
  const requests = executions.map((execution, index) =>
    requestOf(dependencies, execution, parcels, parcels.dispatchIds[index]!),
  );
  return { parcels, requests };
}

/** To be called once what the statement wrote is committed. */
export function wereAccepted(
  { dispatcher, remember, traces }: Pick<AcceptDependencies, 'dispatcher' | 'remember' | 'traces'>,
  executions: readonly NewExecution[],
  rows: readonly AcceptRow[],
): void {
  executions.forEach((execution, index) => {
    if (rows[index]!.dispatched === null) return;
    remember(contextOf(execution));
    if (execution.trace !== undefined) traces?.remember(execution.id, execution.trace);
  });
  dispatcher.committed(dispatchesOf(rows), {});
}

function requestOf(
  { dispatcher, catalogue, limits, backendId }: AcceptDependencies,
  execution: NewExecution,
  parcels: ParcelPlan,
  dispatchId: string,
) {
  const { id, deployment, fields, upload, once, reused } = execution;
  const { task, queue, input } = execution.plannedBy ?? planningRun(execution, limits.maxParallelFiles);
  const policy = catalogue.policy(task) ?? PLAN_FALLBACK;
  const target = parcels.targets[dispatchId];
  return {
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
    task,
    queue,
    input,
    max_attempts: policy.maxAttempts,
    soft_limit_ms: policy.softLimitMs,
    hard_limit_ms: policy.hardLimitMs,
    dispatch_id: dispatchId,
    pool: target?.pool ?? null,
    holder: backendId,
    term: target?.term ?? null,
    publication_timeout_ms: dispatcher.publicationTimeoutMs,
    once: onceRow(once),
    reused: reusedRows(reused),
    replay_of: execution.replay?.of ?? null,
    replay_id: execution.replay?.item?.replayId ?? null,
    replay_place: execution.replay?.item?.place ?? null,
    max_seconds: deployment.maxSeconds,
    ...(execution.trace !== undefined && { trace: execution.trace }),
  };
}

/** The function answers for each execution alone; those of one parcel name the same dispatch. */
function dispatchesOf(rows: readonly AcceptRow[]): WrittenDispatch[] {
  const byId = new Map<string, WrittenDispatch>();
  for (const { dispatched } of rows) {
    if (dispatched === null) continue;
    const known = byId.get(dispatched.id);
    if (known === undefined) byId.set(dispatched.id, dispatched);
    else known.run_ids.push(...dispatched.run_ids);
  }
  return [...byId.values()];
}

function onceRow(once: Once | null) {
  return once && { ...once, valid_hours: KEY_VALID_HOURS };
}

function reusedRows(reused: readonly ReusedResult[]) {
  return reused.map(({ id, key, file_id, reusedFrom, output, run, ofOtherRules }) => ({
    ...{ id, key, file_id, output, ...run },
    input: { reused_from: reusedFrom, ...(ofOtherRules === true ? { of_other_rules: true } : {}) },
  }));
}

function fileRows({ files }: NewExecution['upload']) {
  return files.map(({ id, name, size, sha256, offset }, ordinal) => ({
    id,
    ordinal,
    name,
    size,
    sha256,
    byte_offset: offset,
  }));
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
