import {
  ApiError,
  apiError,
  isTerminal,
  routes,
  submitTaskRequestSchema,
  validationError,
  type JsonValue,
  type SubmittedTask,
  type SubmitTaskRequest,
  type SubmitTasksResponse,
  type TaskTypes as TaskTypesAnswer,
} from '@longshore/contracts';
import type { Pools } from '../dispatch/pools.ts';
import { idempotencyKeyOf } from '../executions/idempotency.ts';
import type { Caller } from '../http/auth.ts';
import { toApiError } from '../http/errors.ts';
import { handle, namingUnknown, type MountedRoute } from '../http/server.ts';
import { maySee, oneOrganisation, ownOrganisation } from '../native/visible-organisations.ts';
import { beginReplay } from '../replay/replays.ts';
import type { Database } from '../store/database.ts';
import type { Logger } from '@longshore/runtime';
import { lineOf, type AcceptTask, type Accepted } from './submission.ts';
import { retryTask } from './retry-task.ts';
import type { TaskType, TaskTypes } from './task-types.ts';
import { readTask } from './task-reads.ts';
import { taskLimitsOf } from './waiting-for-limit.ts';
import { readTaskWorkers } from './worker-status.ts';

export interface SubmitRoutesDependencies {
  readonly database: Database;
  readonly types: TaskTypes;
  readonly pools: Pick<Pools, 'isServed' | 'servesQueue'>;
  readonly acceptTask: AcceptTask;
  readonly brokerUrl: string;
  readonly pingBroker: () => Promise<void>;
  readonly logger: Logger;
}

/** What can be submitted, who would take it, and submitting: one, many, once more. */
export function submitRoutes(dependencies: SubmitRoutesDependencies): MountedRoute[] {
  const { database, types, pools, acceptTask } = dependencies;
  return [
    handle(routes.taskTypes, async ({ query }) => typesAnswer(await types.list(), pools, query.details)),
    handle(routes.taskWorkers, async ({ caller }) => readTaskWorkers(dependencies, ownOrganisation(caller))),
    handle(
      routes.submitTask,
      async ({ body, caller, request }) =>
        submitOne(dependencies, keyed(body, idempotencyKeyOf(request.headers)), caller),
      { checksKey: true },
    ),
    handle(routes.submitTasks, async ({ body, caller, request, requestId }) => {
      const key = idempotencyKeyOf(request.headers);
      return await submitMany(dependencies, body.tasks, { caller, requestId, key });
    }),
    handle(routes.replayTasks, async ({ body: request, caller, response, act }) => {
      const { id: organisationId } = await oneOrganisation(database, caller, request.organisation);
      const { parameters: _parameters, ...detail } = request;
      const begun = await beginReplay(database, { kind: 'tasks', request, organisationId }, (client, begun) =>
        act.record(client, { target: begun ?? 'nothing was begun', organisationId, detail }),
      );
      response.status(begun.replay === null ? 200 : 202);
      return begun;
    }),
    handle(routes.retryTask, async ({ params: { id }, body, caller, request, response }) => {
      const key = idempotencyKeyOf(request.headers);
      const old = await readTask(database, id, caller);
      if (!isTerminal(old.state))
        throw apiError('conflict', 'The task has not ended: cancel it, or wait for it');
      const accepted = await retryTask({ database, acceptTask }, { id, ...body, key, item: null });
      response.status(201);
      return { ...answerOf(old.task, accepted!), retry_of: id };
    }),
  ];
}

function typesAnswer(
  list: readonly TaskType[],
  pools: Pick<Pools, 'isServed'>,
  details: boolean,
): TaskTypesAnswer {
  const types = list.map(({ name }) => name);
  if (!details) return { types };
  return {
    types,
    details: list.map((type) => ({
      ...detailsOf(type),
      served: pools.isServed(type.name, lineOf(type.queue, 0).queue),
    })),
  };
}

function detailsOf({ name, group, queue, description, isolation, ...type }: TaskType) {
  return {
    ...{ name, group, queue, description, isolation },
    input_schema: type.inputSchema as { [key: string]: JsonValue },
    max_attempts: type.maxAttempts,
    soft_limit_ms: type.softLimitMs,
    hard_limit_ms: type.hardLimitMs,
    limits: taskLimitsOf(type.limits),
  };
}

/** The key may stand in the body, or in the header that all clients of the platform know; the body goes first. */
function keyed(wish: SubmitTaskRequest, key: string | null): SubmitTaskRequest {
  return key === null ? wish : { idempotency_key: key, ...wish };
}

async function submitOne(
  { database, acceptTask }: SubmitRoutesDependencies,
  { organisation, ...wish }: SubmitTaskRequest,
  caller: Caller,
): Promise<SubmittedTask> {
  const organisationId = await organisationOf(database, caller, organisation);
  const keyId = caller.kind === 'key' && caller.believed === true ? caller.key.id : undefined;
  return answerOf(wish.task_name, (await acceptTask({ ...wish, organisationId, keyId }))!);
}

/** Without a look into the database for a key of that organisation alone: what is deleted is refused where it is written. */
async function organisationOf(
  database: Database,
  caller: Caller,
  asked: string | undefined,
): Promise<string> {
  const own = caller.kind === 'key' ? caller.key.organisationId : null;
  if (asked === undefined && own !== null && maySee(caller, own)) return own;
  return (await oneOrganisation(database, caller, asked)).id;
}

function answerOf(name: string, { id, warning }: Accepted): SubmittedTask {
  return {
    task_id: id,
    status: 'submitted',
    message: `Task '${name}' submitted successfully`,
    ...(warning === undefined ? {} : { warning }),
  };
}

type Result = SubmitTasksResponse['results'][number];

async function submitMany(
  dependencies: SubmitRoutesDependencies,
  items: readonly { [key: string]: JsonValue }[],
  { caller, requestId, key }: { caller: Caller; requestId: string; key: string | null },
): Promise<SubmitTasksResponse> {
  const answer = async (item: { [key: string]: JsonValue }, index: number): Promise<Result> => {
    try {
      const parsed = submitTaskRequestSchema.safeParse(item);
      if (!parsed.success) throw validationError(parsed.error.issues.flatMap(namingUnknown));
      return await submitOne(dependencies, keyed(parsed.data, key && `${key} ${index}`), caller);
    } catch (error) {
      return refusedAs(toApiError(error, dependencies.logger, requestId, routes.submitTasks.path));
    }
  };
  const results = await Promise.all(items.map(answer));
  const submitted = results.filter(({ status }) => status === 'submitted').length;
  return { submitted, refused: results.length - submitted, results };
}

function refusedAs({ status, errors }: ApiError): Result {
  return { status: 'refused', http_status: status, errors: [...errors] };
}
