import {
  apiError,
  type ListedFilesRequest,
  type Output,
  type PipelineFile,
  type RunState,
  type SettleFilesRequest,
} from '@longshore/contracts';
import type { Database } from '../store/database.ts';
import { childRunId, familyRange, pipelineFileId } from '../store/family-ids.ts';
import type { RunTokenClaims } from '../runs/run-tokens.ts';

/** A file whose bytes are stored under `object`, and not yet anybody's. */
export interface StoredSourceFile {
  readonly path: string;
  readonly ordinal: number;
  readonly size: number;
  readonly sha256: string;
  readonly object: string;
  /** What its source says of this state of it; null: nothing. */
  readonly mark: string | null;
}

/** What is decided about a stored file. */
export type Decision = 'taken' | 'unchanged' | 'active elsewhere' | 'failed 3 times';

/** Takes a file for the execution of this planning run, unless there is a reason to skip it. @throws ApiError 409 */
export async function takeFile(
  database: Database,
  { runId, epoch }: RunTokenClaims,
  file: StoredSourceFile,
): Promise<Decision> {
  const file_id = pipelineFileId(runId, file.path);
  const [row] = await database.query<{ decision: Decision | 'superseded' }>(
    'select take_pipeline_file($1::jsonb) as decision',
    [JSON.stringify({ ...file, file_id, run_id: runId, epoch })],
  );
  const { decision } = row!;
  if (decision === 'superseded') throw apiError('conflict', 'Another attempt has this run');
  return decision;
}

/**
 * Notes the files whose bytes could not be had. When the listing is complete, what an earlier attempt took and this one
 * did not is let go.
 */
export async function noteListed(
  database: Database,
  { runId, epoch, organisationId }: RunTokenClaims,
  { unread, complete }: ListedFilesRequest,
): Promise<void> {
  const rows = unread.map((file) => ({ ...file, id: pipelineFileId(runId, file.path) }));
  await database.transaction(async (client) => {
    const { rowCount } = await client.query(
      `select 1 from runs where id = $1 and state = 'running' and epoch = $2 for share`,
      [runId, epoch],
    );
    if (rowCount === 0) throw apiError('conflict', 'Another attempt has this run');
    await client.query(
      `insert into files (id, execution_id, organisation_id, ordinal, name, size, sha256, object, byte_offset, epoch, problem)
       select r.id, $1, $2, r.ordinal, r.path, 0, '', 'uploads/' || $1::uuid, 0, $3, r.reason
         from jsonb_to_recordset($4::jsonb) as r (id uuid, path text, ordinal int, reason text)
       on conflict (id) do update set (ordinal, epoch, problem) = (excluded.ordinal, excluded.epoch, excluded.problem)`,
      [runId, organisationId, epoch, JSON.stringify(rows)],
    );
    if (complete) await client.query(letGoOfOthers, [runId, epoch]);
  });
}

/** $1 execution, $2 the epoch whose files stay. */
const letGoOfOthers = `
with gone as (
  delete from files where execution_id = $1 and epoch <> $2 returning name, object, organisation_id
), doomed as (
  insert into doomed_objects (object, organisation_id) select object, organisation_id from gone on conflict do nothing
)
update pipeline_files p set held_by = null
 where p.held_by = $1 and p.pipeline_id = (select deployment_id from executions where id = $1)
   and p.path in (select name from gone)`;

const PAGE = 200;

/** The next files of an execution with what became of them. */
export async function filesAfter(
  database: Database,
  executionId: string,
  after: number,
): Promise<PipelineFile[]> {
  const files = await database.query<Omit<PipelineFile, 'state' | 'error'> & { problem: string | null }>(
    `select f.id as file_id, f.ordinal, f.name as path, f.size::float8 as size, f.sha256, f.problem,
            coalesce(p.held_by = e.id, false) as held
       from files f join executions e on e.id = f.execution_id
       left join pipeline_files p on p.pipeline_id = e.deployment_id and p.path = f.name
      where f.execution_id = $1 and f.ordinal > $2 order by f.ordinal limit $3`,
    [executionId, after, PAGE],
  );
  const ids = files.map(({ file_id }) => childRunId(executionId, file_id));
  const { from, to } = familyRange([executionId]);
  const runs = await database.query<{ id: string; state: RunState; error: string | null }>(
    `select id, state, error ->> 'message' as error from runs where id = any($1::uuid[]) and id between $2 and $3`,
    [ids, from, to],
  );
  const byId = new Map(runs.map((run) => [run.id, run]));
  return files.map(({ problem, ...file }, index) => {
    const run = byId.get(ids[index]!);
    return { ...file, state: run?.state ?? null, error: problem ?? run?.error ?? null };
  });
}

/** What was found in a file of an execution. @throws ApiError 404 when nothing was. */
export async function outputOf(
  database: Database,
  executionId: string,
  fileId: string,
): Promise<{ output: Output; versionId: string }> {
  const [row] = await database.query<{ output: Output | null; versionId: string }>(
    `select r.output, e.workflow_version_id as "versionId" from runs r join executions e on e.id = $2
      where r.id = $1 and r.state = 'succeeded'`,
    [childRunId(executionId, fileId), executionId],
  );
  if (row === undefined || row.output === null)
    throw apiError('not_found', 'Nothing was found in such a file');
  return { output: row.output, versionId: row.versionId };
}

/**
 * Says what became of files, which are nobody's from then on. Only of what the execution still holds: said again it
 * has no effect, and nothing is counted twice.
 */
export async function settleFiles(
  database: Database,
  executionId: string,
  { delivered, failed }: SettleFilesRequest,
): Promise<void> {
  await database.query(
    `update pipeline_files p set
       held_by = null,
       delivered_sha256 = case when d.is then f.sha256 else p.delivered_sha256 end,
       delivered_mark = case when d.is then f.mark else p.delivered_mark end,
       delivered_version = case when d.is then e.workflow_version_id else p.delivered_version end,
       delivered_at = case when d.is then now() else p.delivered_at end,
       failures = case when d.is then 0
                       when p.failed_sha256 = f.sha256 and p.failed_version = e.workflow_version_id then p.failures + 1
                       else 1 end,
       failed_sha256 = case when d.is then null else f.sha256 end,
       failed_mark = case when d.is then null else f.mark end,
       failed_version = case when d.is then null else e.workflow_version_id end
      from executions e, files f cross join lateral (select f.id = any($2::uuid[]) as is) d
     where e.id = $1 and f.execution_id = e.id and f.id = any($2::uuid[] || $3::uuid[])
       and p.pipeline_id = e.deployment_id and p.path = f.name and p.held_by = e.id`,
    [executionId, delivered, failed],
  );
}
