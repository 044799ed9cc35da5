import { pipelineTasks, type JsonValue } from '@longshore/contracts';
import type { Deployment } from '../deployments/deployments.ts';
import type { ReusedResult } from './file-history.ts';
import type { KeyedFile } from './run-key.ts';

/** The run that an execution begins with. */
export interface PlanningRun {
  readonly task: string;
  readonly queue: string;
  readonly input: JsonValue;
}

/** What the api-deployment worker plans from. */
interface Planned {
  readonly deployment: Pick<Deployment, 'maxParallelFiles' | 'workflowVersionId'>;
  readonly upload: { readonly files: readonly KeyedFile[] };
  readonly reused: readonly ReusedResult[];
}

export const PLAN_QUEUE = 'api_deployments';

/** The run that plans what a client uploaded; `maxParallelFiles` holds where the deployment says nothing. */
export function planningRun({ deployment, upload, reused }: Planned, maxParallelFiles: number): PlanningRun {
  const origins = new Map(reused.map(({ key, reusedFrom }) => [key, reusedFrom]));
  const files = upload.files.map(({ id, name, size, sha256, key }, ordinal) => ({
    ...{ file_id: id, name, size, sha256, ordinal },
    ...(key === sha256 ? {} : { key }),
    ...(origins.has(key) ? { reused_from: origins.get(key)! } : {}),
  }));
  const input = {
    files,
    max_parallel_files: deployment.maxParallelFiles ?? maxParallelFiles,
    workflow_version_id: deployment.workflowVersionId,
  };
  return { task: pipelineTasks.plan, queue: PLAN_QUEUE, input };
}
