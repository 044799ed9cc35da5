import { createHash } from 'node:crypto';
import { ApiError, apiError, errorCodes, type JsonValue, type SubmitTaskRequest } from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import type { Pools } from '../dispatch/pools.ts';
import type { WaitingRuns } from '../dispatch/waiting-runs.ts';
import type { NewTask, Submit, SubmittedAs } from './submit.ts';
import type { TaskType, TaskTypes } from './task-types.ts';

export interface SubmissionDependencies {
  readonly types: TaskTypes;
  readonly pools: Pick<Pools, 'isServed'>;
  readonly waitingRuns: WaitingRuns;
  readonly submit: Submit;
}

/** A task as somebody asks for it. */
export interface Wish extends Pick<SubmitTaskRequest, 'task_name' | 'parameters' | 'priority' | 'delay'> {
  readonly idempotency_key?: string | undefined;
  readonly organisationId: string;
  readonly retryOf?: string;
  readonly item?: NewTask['item'];
  /** It is accepted only if this key is still good. */
  readonly keyId?: string | undefined;
}

/** A task that was accepted. `warning`: nobody would take it now. */
export interface Accepted extends SubmittedAs {
  readonly warning: string | undefined;
}

/**
 * Checks what is asked for, and accepts it while there is room. Null: its replay does not want it any more.
 *
 * @throws ApiError 401 for a key that is not good any more, 400 for a type that nobody registered, 422 for parameters that do not fit, 409 for a key with another
 * request, 503 with Retry-After while too much waits.
 */
export type AcceptTask = (wish: Wish) => Promise<Accepted | null>;

export function createAcceptTask({ types, pools, waitingRuns, submit }: SubmissionDependencies): AcceptTask {
  return async function acceptTask(wish) {
    const type = await types.find(wish.task_name);
    if (type === undefined) throw apiError('invalid', `Unknown task type: ${wish.task_name}`, 'task_name');
    refuseWrong(types, type, wish.parameters);
    const task = newTask(type, wish);
    const settle = await waitingRuns.admit();
    let written = false;
    try {
      const submitted = await submit(task);
      written = submitted !== null && !submitted.repeated;
      return submitted && { ...submitted, warning: warningOf(pools, task) };
    } finally {
      settle(written);
    }
  };
}

function refuseWrong(types: TaskTypes, type: TaskType, parameters: Wish['parameters']): void {
  const problems = types.checkerOf(type)(parameters);
  if (problems.length === 0) return;
  const code = 'invalid_parameters';
  throw new ApiError(
    errorCodes[code],
    problems.map(({ path, message }) => ({ code, detail: message, attr: path })),
  );
}

function newTask(type: TaskType, wish: Wish): NewTask {
  const { task_name: task, parameters: input, priority: askedPriority, delay, organisationId } = wish;
  return {
    ...{ id: uuidV7(), organisationId, task, input, askedPriority },
    ...lineOf(type.queue, askedPriority),
    delayMs: Math.round((delay ?? 0) * 1000),
    maxAttempts: type.maxAttempts,
    softLimitMs: type.softLimitMs,
    hardLimitMs: type.hardLimitMs,
    once:
      wish.idempotency_key === undefined
        ? null
        : { key: wish.idempotency_key, fingerprint: fingerprintOf(wish) },
    retryOf: wish.retryOf ?? null,
    item: wish.item ?? null,
    keyId: wish.keyId,
  };
}

/** Tasks of the queue `default` go to one of three lines, in each of which the first is first; in a queue of its own priority orders. */
export function lineOf(queue: string, priority: number): { queue: string; priority: number } {
  if (queue !== 'default') return { queue, priority };
  if (priority > 5) return { queue: 'high_priority', priority: 0 };
  return { queue: priority < 0 ? 'low_priority' : 'default', priority: 0 };
}

export function warningOf(
  pools: Pick<Pools, 'isServed'>,
  { task, queue }: { readonly task: string; readonly queue: string },
): string | undefined {
  if (pools.isServed(task, queue)) return undefined;
  return `No live worker serves '${task}' in the queue '${queue}': it waits until one does`;
}

/** What was asked for, as one text; the order of names does not matter. */
function fingerprintOf({ task_name, parameters, priority, delay, retryOf }: Wish): string {
  const sent = JSON.stringify(sorted([task_name, parameters, priority, delay ?? 0, retryOf ?? null]));
  return createHash('sha256').update(sent).digest('hex');
}

/** The same value with the names of all objects in one order. It is at most a hundred levels deep. */
function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([name, each]) => [name, sorted(each)]));
}
