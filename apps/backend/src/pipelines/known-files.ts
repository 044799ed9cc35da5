import type { KnownFile, KnownFilesRequest } from '@longshore/contracts';
import type { Database } from '../store/database.ts';
import type { RunTokenClaims } from '../runs/run-tokens.ts';

/**
 * Of these files those that need not be read: they stand in the source as they stood when their content was delivered, or
 * failed for the third time, under the same version of the workflow. None where all files are asked for, and
 * none that has no mark. Whoever holds a file is asked when it is taken.
 */
export async function knownFiles(
  database: Database,
  { runId }: RunTokenClaims,
  files: KnownFilesRequest['files'],
): Promise<KnownFile[]> {
  return await database.query<KnownFile>(
    `select p.path, d.reason, d.sha256
       from executions e
       join runs r on r.id = e.id and not coalesce((r.input ->> 'force')::boolean, false)
       cross join jsonb_to_recordset($2::jsonb) as g (path text, mark text)
       join pipeline_files p on p.pipeline_id = e.deployment_id and p.path = g.path
       cross join lateral (
         select 'unchanged' as reason, p.delivered_sha256 as sha256
          where p.delivered_mark = g.mark and p.delivered_version = e.workflow_version_id
         union all
         select 'failed 3 times', p.failed_sha256
          where p.failures >= 3 and p.failed_mark = g.mark and p.failed_version = e.workflow_version_id
         limit 1) d
      where e.id = $1`,
    [runId, JSON.stringify(files)],
  );
}
