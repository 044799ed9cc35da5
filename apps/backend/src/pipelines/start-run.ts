import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import {
  coreWorkers,
  pipelineTasks,
  type JsonValue,
  type PipelineDestination,
  type PipelineSource,
  type PlanPipelineInput,
} from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import type { Deployment } from '../deployments/deployments.ts';
import type { Accept } from '../executions/accept.ts';
import type { TakenIn } from '../executions/answers.ts';
import { idempotencyKeyOf, type Once } from '../executions/idempotency.ts';
import type { Database } from '../store/database.ts';
import type { RunRequest } from './run-request.ts';

export interface StartRunDependencies {
  readonly database: Database;
  readonly accept: Accept;
  /** Where neither pipeline nor organisation says otherwise. */
  readonly maxParallelFiles: number;
}

const [PLAN_QUEUE] = coreWorkers.general.queues;

/** Accepts an execution of a pipeline as it stands now: what is changed of it later does not concern this run. */
export function createStartRun({ database, accept, maxParallelFiles }: StartRunDependencies) {
  return async function startRun(
    pipeline: Deployment,
    fields: RunRequest,
    headers: IncomingHttpHeaders,
  ): Promise<TakenIn> {
    const once = onceOf(fields, headers);
    const id = uuidV7();
    const { source, destination } = await endsOf(database, pipeline.id);
    const input: PlanPipelineInput = {
      ...{ pipeline_id: pipeline.apiName, source, destination, force: fields.force },
      max_parallel_files: pipeline.maxParallelFiles ?? maxParallelFiles,
    };
    const acceptance = await accept({
      ...{ id, deployment: pipeline, fields, once, reused: [] },
      upload: { files: [], objectName: `uploads/${id}`, object: null },
      plannedBy: {
        task: pipelineTasks.planPipeline,
        queue: PLAN_QUEUE,
        input: input as unknown as JsonValue,
      },
    });
    return { ...acceptance, fields };
  };
}

async function endsOf(database: Database, id: string) {
  const [row] = await database.query<{ source: PipelineSource; destination: PipelineDestination }>(
    'select source, destination from deployments where id = $1',
    [id],
  );
  return row!;
}

/** How long a client waits for the answer is no part of what it sent. */
function onceOf({ timeoutSeconds: _, ...fields }: RunRequest, headers: IncomingHttpHeaders): Once | null {
  const key = idempotencyKeyOf(headers);
  const fingerprint = () => createHash('sha256').update(JSON.stringify(fields)).digest('hex');
  return key === null ? null : { key, fingerprint: fingerprint() };
}
