import { apiError, type JsonValue } from '@longshore/contracts';
import { createBatcher } from '@longshore/runtime';
import type { Dispatcher, WrittenDispatch } from '../dispatch/dispatcher.ts';
import type { ParcelPlan } from '../dispatch/publication-plan.ts';
import { ORGANISATION_DELETED } from '../retention/deletions.ts';
import { isCausedByContent } from '../runs/attempt-ends.ts';
import { sqlStateOf, type Database } from '../store/database.ts';
import { notingTraces, type RunTraces } from '../tracing/run-traces.ts';
import { planTasks } from './plan-tasks.ts';
import { submitTasks } from './submit-statement.ts';

/** A task that is ready to be written. */
export interface NewTask {
  readonly id: string;
  readonly organisationId: string;
  readonly task: string;
  /** The line that it waits in. */
  readonly queue: string;
  /** What orders it there: the higher, the sooner. */
  readonly priority: number;
  /** What the client asked for. */
  readonly askedPriority: number;
  readonly input: { [key: string]: JsonValue };
  /** Until it may start. */
  readonly delayMs: number;
  readonly maxAttempts: number;
  readonly softLimitMs: number;
  readonly hardLimitMs: number;
  readonly once: { readonly key: string; readonly fingerprint: string } | null;
  readonly retryOf: string | null;
  /** The replay of many that orders it. */
  readonly item: { readonly replayId: string; readonly place: number } | null;
  /** The key that asks for it, where nobody has looked yet whether it is still good. */
  readonly keyId?: string | undefined;
  /** The `traceparent` of its request. */
  readonly trace?: string;
}

/** What became of it: its own id, or that of the first task under the same key. Null: its replay does not want it any more. */
export interface SubmittedAs {
  readonly id: string;
  readonly repeated: boolean;
}

/**
 * Writes a task: when this resolves it is committed, and it will end. Those that arrive together go in one statement.
 *
 * @throws ApiError 409 when another request was sent under the same key, 404 for an organisation that is deleted, 401 for a
 * key that is not good any more.
 */
export type Submit = (task: NewTask) => Promise<SubmittedAs | null>;

export interface SubmitDependencies {
  readonly database: Database;
  readonly dispatcher: Dispatcher;
  readonly backendId: string;
  /** Where requests are traced. */
  readonly traces?: RunTraces | undefined;
}

/** How long a key names the task that it was first sent with. */
export const KEY_VALID_HOURS = 24;
/** Tasks in one statement at most, and bytes of their parameters. */
const MOST_TOGETHER = 100;
const MOST_BYTES_TOGETHER = 1024 * 1024;

interface KeyRow {
  readonly organisation_id: string;
  readonly key: string;
  readonly task_id: string;
  readonly fingerprint: string;
}

interface SubmitRow {
  written: string[];
  keys: KeyRow[];
  dispatched: WrittenDispatch[];
}

/** What the database knows after a statement, or why it refused this one. */
interface Written {
  readonly isWritten: boolean;
  readonly first: KeyRow | null;
}

export function createSubmit(dependencies: SubmitDependencies): Submit {
  const inserts = createBatcher<NewTask, Written | Error>({
    send: (tasks) => insertSplitting(dependencies, tasks),
    maxItems: MOST_TOGETHER,
    maxBytes: MOST_BYTES_TOGETHER,
    sizeOf: ({ input }) => JSON.stringify(input).length,
  });
  const submit: Submit = async (task) => {
    const written = await inserts.add(task);
    if (written instanceof Error) throw written;
    if (written.isWritten) return { id: task.id, repeated: false };
    const { first } = written;
    if (first === null && task.item === null) throw apiError('authentication_failed', 'Unauthorized');
    if (first === null) return null;
    if (first.fingerprint === task.once?.fingerprint) return { id: first.task_id, repeated: true };
    throw apiError(
      'idempotency_conflict',
      'This key was sent before, with another request',
      'idempotency_key',
    );
  };
  const { traces } = dependencies;
  if (traces === undefined) return submit;
  return (task) => {
    const trace = traces.current();
    return traces.step('accept', () => submit(trace === undefined ? task : { ...task, trace }));
  };
}

const submitTraced = notingTraces(submitTasks);

/** What the database does not take of one task is the answer to that one, and must not cost the others. */
async function insertSplitting(
  dependencies: SubmitDependencies,
  tasks: readonly NewTask[],
): Promise<(Written | Error)[]> {
  try {
    return await insertTogether(dependencies, tasks);
  } catch (error) {
    if (!isCausedByContent(error) && sqlStateOf(error) !== ORGANISATION_DELETED) throw error;
    if (tasks.length === 1) return [error as Error];
  }
  const middle = Math.ceil(tasks.length / 2);
  return [
    ...(await insertSplitting(dependencies, tasks.slice(0, middle))),
    ...(await insertSplitting(dependencies, tasks.slice(middle))),
  ];
}

async function insertTogether(
  { database, dispatcher, backendId, traces }: SubmitDependencies,
  tasks: readonly NewTask[],
): Promise<Written[]> {
  // The first of each key; what else came with it under the same key is held against it.
  const sent = firstOfEachKey(tasks);
  const plan = planTasks(dispatcher, sent);
  const rows = sent.map((task, index) => rowOf(task, plan, plan.dispatchIds[index]!));
  const [row] = await database
    .hot<SubmitRow>(sent.some(({ trace }) => trace !== undefined) ? submitTraced : submitTasks, [
      JSON.stringify(rows),
      backendId,
      dispatcher.publicationTimeoutMs,
      KEY_VALID_HOURS,
    ])
    .finally(plan.release);
  const written = new Set(row!.written);
  for (const { id, trace } of sent) if (trace !== undefined && written.has(id)) traces?.remember(id, trace);
  dispatcher.committed(row!.dispatched, {});
  const keys = new Map(row!.keys.map((known) => [nameOf(known.organisation_id, known.key), known]));
  return tasks.map(({ id, once, organisationId }) => ({
    isWritten: written.has(id),
    first: once === null ? null : (keys.get(nameOf(organisationId, once.key)) ?? null),
  }));
}

function firstOfEachKey(tasks: readonly NewTask[]): NewTask[] {
  const seen = new Set<string>();
  return tasks.filter(({ organisationId, once }) => {
    if (once === null) return true;
    const name = nameOf(organisationId, once.key);
    if (seen.has(name)) return false;
    seen.add(name);
    return true;
  });
}

function nameOf(organisationId: string, key: string): string {
  return `${organisationId} ${key}`;
}

/** A task as the statement that writes it takes it. */
export function rowOf(task: NewTask, { targets }: Pick<ParcelPlan, 'targets'>, dispatchId: string) {
  const target = targets[dispatchId];
  return {
    id: task.id,
    organisation_id: task.organisationId,
    task: task.task,
    queue: task.queue,
    priority: task.priority,
    asked_priority: task.askedPriority,
    input: task.input,
    delay_ms: task.delayMs,
    max_attempts: task.maxAttempts,
    soft_limit_ms: task.softLimitMs,
    hard_limit_ms: task.hardLimitMs,
    dispatch_id: dispatchId,
    pool: target?.pool ?? null,
    term: target?.term ?? null,
    key: task.once?.key ?? null,
    fingerprint: task.once?.fingerprint ?? null,
    retry_of: task.retryOf,
    replay_id: task.item?.replayId ?? null,
    replay_place: task.item?.place ?? null,
    ...(task.keyId !== undefined && { key_id: task.keyId }),
    ...(task.trace !== undefined && { trace: task.trace }),
  };
}

/** Removes the keys that name nothing any more. */
export async function forgetOldTaskKeys(database: Database): Promise<void> {
  await database.query(`delete from task_keys where created_at < now() - $1 * interval '1 hour'`, [
    KEY_VALID_HOURS,
  ]);
}
