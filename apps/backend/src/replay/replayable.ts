import { apiError, isTerminal, type JsonValue, type RunState } from '@longshore/contracts';
import type { Deployment, DeploymentKind } from '../deployments/deployments.ts';
import type { RequestedFile } from '../executions/outcome-reads.ts';
import type { Database } from '../store/database.ts';

/** An execution that can be run again, with its deployment as it is now. */
export interface Replayable {
  readonly id: string;
  readonly deployment: Deployment;
  /** The version under which it ran. */
  readonly workflowVersionId: string;
  readonly tags: string[];
  readonly customData: { [key: string]: JsonValue } | null;
  readonly flags: {
    readonly includeMetadata: boolean;
    readonly includeMetrics: boolean;
    readonly includeExtractedText: boolean;
  };
  readonly llmProfileId: string | null;
  /** In the order of the request. */
  readonly files: readonly UploadedFile[];
  /** The same files as the run that planned them knew them. */
  readonly planned: readonly RequestedFile[];
  /** What to say when the bytes are gone. */
  readonly keptHours: number;
}

/** Where the bytes of a file lie. */
export interface UploadedFile {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  readonly object: string;
  readonly offset: number;
}

interface Row extends Omit<Replayable, 'deployment'> {
  readonly deployment: Deployment & { readonly kind: DeploymentKind; readonly active: boolean };
  readonly state: RunState;
  readonly removed: boolean;
}

const FIND = `
select e.id, e.workflow_version_id as "workflowVersionId", e.tags, e.custom_data as "customData", e.llm_profile_id as "llmProfileId",
       jsonb_build_object('includeMetadata', e.include_metadata, 'includeMetrics', e.include_metrics,
                          'includeExtractedText', e.include_extracted_text) as flags,
       r.state, coalesce(r.input -> 'files', '[]') as planned, x.uploads_removed_at is not null as removed,
       coalesce((o.retention ->> 'uploads_hours')::int, $2) as "keptHours",
       jsonb_build_object('id', d.id, 'organisationId', o.id, 'organisation', o.name, 'apiName', d.api_name,
                          'workflowId', d.workflow_id, 'workflowVersionId', v.id, 'kind', d.kind, 'active', d.active,
                          'maxParallelFiles', coalesce((d.settings ->> 'max_parallel_files')::int, o.max_parallel_files),
                          'maxSeconds', (d.settings ->> 'max_seconds')::int) as deployment,
       coalesce((select jsonb_agg(jsonb_build_object('name', f.name, 'size', f.size, 'sha256', f.sha256, 'object', f.object,
                                                     'offset', f.byte_offset) order by f.ordinal)
                   from files f where f.execution_id = e.id), '[]') as files
  from executions e
  join runs r on r.id = e.id
  join deployments d on d.id = e.deployment_id
  join organisations o on o.id = e.organisation_id
 cross join lateral (
   select id from workflow_versions where workflow_id = d.workflow_id and version = coalesce(d.version, version)
    order by version desc limit 1) v
  left join ended_executions x on x.id = e.id
 where e.id = $1`;

/**
 * Reads what is needed to run an execution again. `keptHours`: how long the platform keeps uploads.
 *
 * @throws ApiError 404 when there is none, 409 when it cannot be run again, with the reason.
 */
export async function readReplayable(
  database: Database,
  executionId: string,
  keptHours: number,
): Promise<Replayable> {
  const [row] = await database.query<Row & Record<string, unknown>>(FIND, [executionId, keptHours]);
  if (row === undefined) throw apiError('not_found', 'No such execution');
  const { kind, active, ...deployment } = row.deployment;
  if (!isTerminal(row.state)) {
    throw apiError('conflict', 'The execution has not ended: cancel it, or wait for it');
  }
  if (kind === 'pipeline') {
    throw apiError('conflict', 'A pipeline reads its source anew: run the pipeline again instead');
  }
  if (!active) throw apiError('conflict', `The deployment "${deployment.apiName}" is switched off`);
  if (row.removed) throw filesGone(row);
  return { ...row, deployment };
}

/** The refusal of an execution whose bytes are no longer there. */
export function filesGone({ keptHours }: Pick<Replayable, 'keptHours'>) {
  const kept = keptHours === 0 ? '' : `: uploads are kept for ${keptHours} hours after the end`;
  return apiError('conflict', `The files of this execution are gone${kept}. Send them again instead`);
}
