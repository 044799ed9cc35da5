import {
  coreWorkers,
  pipelineTasks,
  type JsonValue,
  type PipelineDestination,
  type PipelineSource,
  type ScheduleForm,
} from '@longshore/contracts';
import type { Deployment } from '../deployments/deployments.ts';
import type { WrittenDispatch } from '../dispatch/dispatcher.ts';
import {
  acceptRequests,
  planRequests,
  wereAccepted,
  type AcceptDependencies,
  type AcceptRow,
  type NewExecution,
} from '../executions/accept.ts';
import { parsePipelineFields } from '../executions/request-fields.ts';
import type { SqlClient } from '../store/database.ts';
import { planTasks } from '../tasks/plan-tasks.ts';
import { submitTasks } from '../tasks/submit-statement.ts';
import { KEY_VALID_HOURS, rowOf, type NewTask } from '../tasks/submit.ts';
import { lineOf } from '../tasks/submission.ts';

/** A run that a schedule makes, with the policy of its type as it stands now. */
export interface WantedRun {
  readonly runId: string;
  readonly organisationId: string;
  readonly form: ScheduleForm;
  readonly task: string | null;
  readonly pipelineId: string | null;
  readonly queue: string | null;
  readonly maxAttempts: number;
  readonly softLimitMs: number;
  readonly hardLimitMs: number;
}

/** What is to be done once the transaction has ended, whichever way. */
export interface Afterwards {
  committed(): void;
  rolledBack(): void;
}

/** Runs that were written with a transaction, and those for which there was no room. */
export interface MadeRuns {
  readonly refused: ReadonlySet<string>;
  readonly afterwards: Afterwards;
}

export type MakeRuns = (client: SqlClient, wanted: readonly WantedRun[]) => Promise<MadeRuns>;

/** Parameters in one statement at most, bytes. */
const MOST_BYTES = 1024 * 1024;
const [PLAN_QUEUE] = coreWorkers.general.queues;

/** Writes tasks and executions of pipelines as clients' requests write them, but with the caller's transaction. */
export function createMakeRuns(dependencies: AcceptDependencies): MakeRuns {
  return async function makeRuns(client, wanted) {
    const after: Afterwards[] = [];
    const afterwards = together(after);
    try {
      for (const part of bySize(wanted.filter(({ task }) => task !== null)))
        after.push(await makeTasks(client, dependencies, part));
      const executions = await executionsOf(
        client,
        wanted.filter(({ pipelineId }) => pipelineId !== null),
        dependencies,
      );
      const { refused, ...last } = await makeExecutions(client, dependencies, executions);
      after.push(last);
      return { refused, afterwards };
    } catch (error) {
      afterwards.rolledBack();
      throw error;
    }
  };
}

function together(all: readonly Afterwards[]): Afterwards {
  return {
    committed: () => all.forEach((each) => each.committed()),
    rolledBack: () => all.forEach((each) => each.rolledBack()),
  };
}

function bySize(wanted: readonly WantedRun[]): WantedRun[][] {
  const parts: WantedRun[][] = [];
  let bytes = Infinity;
  for (const one of wanted) {
    const size = JSON.stringify(one.form.parameters ?? {}).length;
    if (bytes + size > MOST_BYTES) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)!.push(one);
    bytes += size;
  }
  return parts;
}

async function makeTasks(
  client: SqlClient,
  { dispatcher, backendId }: AcceptDependencies,
  wanted: readonly WantedRun[],
): Promise<Afterwards> {
  const tasks = wanted.map(taskOf);
  const plan = planTasks(dispatcher, tasks);
  try {
    const rows = tasks.map((task, index) => rowOf(task, plan, plan.dispatchIds[index]!));
    const values = [JSON.stringify(rows), backendId, dispatcher.publicationTimeoutMs, KEY_VALID_HOURS];
    const written = await client.query<{ dispatched: WrittenDispatch[] }>({ ...submitTasks, values });
    const { dispatched } = written.rows[0]!;
    return {
      committed() {
        plan.release();
        dispatcher.committed(dispatched, {});
      },
      rolledBack: plan.release,
    };
  } catch (error) {
    plan.release();
    throw error;
  }
}

function taskOf({ runId, organisationId, form, task, queue, ...policy }: WantedRun): NewTask {
  const { priority: askedPriority = 0, parameters: input = {} } = form;
  const { maxAttempts, softLimitMs, hardLimitMs } = policy;
  return {
    ...{ id: runId, organisationId, task: task!, input, askedPriority, ...lineOf(queue!, askedPriority) },
    ...{ delayMs: 0, maxAttempts, softLimitMs, hardLimitMs, once: null, retryOf: null, item: null },
  };
}

interface PipelineRow extends Deployment {
  readonly source: PipelineSource;
  readonly destination: PipelineDestination;
}

/** The pipelines as they stand now. */
const readPipelines = `
select d.id, d.organisation_id as "organisationId", o.name as organisation, d.api_name as "apiName",
       d.workflow_id as "workflowId", v.id as "workflowVersionId", d.source, d.destination,
       coalesce((d.settings ->> 'max_parallel_files')::int, o.max_parallel_files) as "maxParallelFiles",
       (d.settings ->> 'max_seconds')::int as "maxSeconds"
  from deployments d
  join organisations o on o.id = d.organisation_id
  cross join lateral (
    select id from workflow_versions where workflow_id = d.workflow_id and version = coalesce(d.version, version)
     order by version desc limit 1) v
 where d.id = any($1::uuid[]) and d.kind = 'pipeline'`;

async function executionsOf(
  client: SqlClient,
  wanted: readonly WantedRun[],
  { limits }: AcceptDependencies,
): Promise<NewExecution[]> {
  if (wanted.length === 0) return [];
  const ids = [...new Set(wanted.map(({ pipelineId }) => pipelineId))];
  const { rows } = await client.query<PipelineRow>(readPipelines, [ids]);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return wanted.map(({ runId, pipelineId, form }) => {
    const { source, destination, ...deployment } = byId.get(pipelineId!)!;
    const input = {
      ...{ pipeline_id: deployment.apiName, source, destination, force: form.force ?? false },
      max_parallel_files: deployment.maxParallelFiles ?? limits.maxParallelFiles,
    };
    return {
      ...{ id: runId, deployment, fields: parsePipelineFields({}), once: null, reused: [] },
      upload: { files: [], objectName: `uploads/${runId}`, object: null },
      plannedBy: {
        task: pipelineTasks.planPipeline,
        queue: PLAN_QUEUE,
        input: input as unknown as JsonValue,
      },
    };
  });
}

async function makeExecutions(
  client: SqlClient,
  dependencies: AcceptDependencies,
  executions: readonly NewExecution[],
): Promise<Afterwards & { readonly refused: ReadonlySet<string> }> {
  if (executions.length === 0) return { refused: new Set(), committed: () => {}, rolledBack: () => {} };
  const { parcels, requests } = planRequests(dependencies, executions);
  try {
    const { rows } = await client.query<AcceptRow>({ ...acceptRequests, values: [JSON.stringify(requests)] });
    const refused = executions.filter((_execution, index) => rows[index]!.dispatched === null);
    return {
      refused: new Set(refused.map(({ id }) => id)),
      committed() {
        parcels.release();
        wereAccepted(dependencies, executions, rows);
      },
      rolledBack: parcels.release,
    };
  } catch (error) {
    parcels.release();
    throw error;
  }
}
