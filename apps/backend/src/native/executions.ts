import {
  apiError,
  routes,
  type Attempt,
  type ExecutionDetail,
  type ListExecutionsQuery,
  type RunState,
} from '@longshore/contracts';
import { hasEnded, statusOf, type Outcomes, type StoredFile } from '../executions/outcome.ts';
import type { StoredExecution } from '../executions/outcome-reads.ts';
import type { Caller } from '../http/auth.ts';
import { handle, type MountedRoute } from '../http/server.ts';
import type { Database } from '../store/database.ts';
import { attemptNumber } from '../runs/attempt-number.ts';
import { attemptsOf } from './attempts.ts';
import { listExecutions, type ExecutionFilter } from './execution-list.ts';
import { maySee, visibleOrganisations } from './visible-organisations.ts';

export interface ExecutionRoutesDependencies {
  readonly database: Database;
  readonly outcomes: Outcomes;
}

/** Executions: searched, and everything about one of them, as often as wanted. */
export function executionRoutes(dependencies: ExecutionRoutesDependencies): MountedRoute[] {
  const { database, outcomes } = dependencies;
  return [
    handle(routes.listExecutions, async ({ query, caller }) =>
      listExecutions(database, await filterOf(database, query, caller)),
    ),
    handle(routes.execution, async ({ params, query, caller }) => {
      const execution = await outcomes.find(params.id);
      if (execution === null || !maySee(caller, execution.organisation_id))
        throw apiError('not_found', 'No such execution');
      return await detailOf(dependencies, execution, query.include_extracted_text === 'true');
    }),
  ];
}

async function filterOf(
  database: Database,
  query: ListExecutionsQuery,
  caller: Caller,
): Promise<ExecutionFilter> {
  const { api_name, status, tag, since, until, q, limit, cursor } = query;
  const organisations = await visibleOrganisations(database, caller, query.organisation);
  const organisationIds = organisations.map(({ id }) => id);
  return {
    organisationIds,
    deploymentIds:
      api_name === undefined ? undefined : await deployments(database, organisationIds, api_name),
    status,
    tag,
    since: since === undefined ? undefined : new Date(since),
    until: until === undefined ? undefined : new Date(until),
    q,
    limit,
    cursor,
  };
}

async function deployments(
  database: Database,
  organisationIds: readonly string[],
  apiName: string,
): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    'select id from deployments where organisation_id = any($1::uuid[]) and api_name = $2',
    [organisationIds, apiName],
  );
  return rows.map((row) => row.id);
}

async function detailOf(
  { database, outcomes }: ExecutionRoutesDependencies,
  execution: StoredExecution,
  includeExtractedText: boolean,
): Promise<ExecutionDetail> {
  const flags = { includeMetadata: true, includeMetrics: true, includeExtractedText };
  const [files, version] = await Promise.all([
    outcomes.files(execution),
    workflowVersionOf(database, execution.id),
  ]);
  const runIds = files.flatMap((file) => file.run_id ?? []);
  const [attempts, result, summary] = await Promise.all([
    attemptsOf(database, execution.id, runIds),
    hasEnded(execution) ? outcomes.results(execution, flags) : null,
    outcomes.summary(execution),
  ]);
  const expired = execution.results_removed_at !== null;
  return {
    ...summaryOf(execution, files, attempts),
    workflow_version: version,
    skipped: summary?.skipped ?? null,
    result,
    result_expired: expired,
  };
}

async function workflowVersionOf(database: Database, executionId: string): Promise<number> {
  const [row] = await database.query<{ version: number }>(
    'select v.version from executions e join workflow_versions v on v.id = e.workflow_version_id where e.id = $1',
    [executionId],
  );
  if (row === undefined) throw apiError('not_found', 'No such execution');
  return row.version;
}

function summaryOf(
  execution: StoredExecution,
  files: readonly StoredFile[],
  attempts: ReadonlyMap<string, Attempt[]>,
): Omit<ExecutionDetail, 'result' | 'result_expired' | 'workflow_version' | 'skipped'> {
  const states = files.map((file) => stateOf(file, execution));
  const { created_at, started_at, finished_at } = execution;
  return {
    execution_id: execution.id,
    organisation: execution.organisation,
    kind: execution.kind,
    api_name: execution.api_name,
    status: statusOf(execution),
    error: execution.error?.message ?? null,
    tags: execution.tags,
    total_files: files.length,
    successful_files: states.filter((state) => state === 'succeeded').length,
    failed_files: states.filter((state) => state === 'failed' || state === 'cancelled').length,
    created_at: created_at.toISOString(),
    started_at: isoOrNull(started_at),
    finished_at: isoOrNull(finished_at),
    replay_of: execution.replay_of,
    timings: {
      waited_ms: msBetween(created_at, started_at ?? finished_at),
      worked_ms: msBetween(started_at, finished_at),
    },
    files: files.map((file, index) => fileOf(file, states[index]!, attempts)),
  };
}

function fileOf(
  file: StoredFile,
  state: RunState,
  attempts: ReadonlyMap<string, Attempt[]>,
): ExecutionDetail['files'][number] {
  return {
    file: file.name,
    file_execution_id: file.run_id ?? file.file_id,
    size: file.size,
    state,
    worker: file.instance,
    attempt: attemptNumber({ state, attempts: file.attempts }),
    starts: file.starts,
    started_at: isoOrNull(file.started_at),
    finished_at: isoOrNull(file.finished_at),
    // Stack and cause are for those who run the platform: they stand in its logs.
    error: file.error && { ...file.error, detail: null },
    attempts: attempts.get(file.run_id ?? '') ?? [],
  };
}

/** A file that no run ever took shares the end of its execution. */
function stateOf(file: StoredFile, execution: StoredExecution): RunState {
  return file.state ?? (hasEnded(execution) ? execution.state : 'queued');
}

function isoOrNull(moment: Date | null): string | null {
  return moment?.toISOString() ?? null;
}

function msBetween(from: Date | null, to: Date | null): number | null {
  return from === null || to === null ? null : to.getTime() - from.getTime();
}
