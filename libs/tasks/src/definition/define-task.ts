import type { TaskDescriptor } from '@longshore/contracts';
import { z } from 'zod';
import { issuesText } from './issues-text.ts';
import type { Backoff, RetryIf, RetryPolicy } from './retry-policy.ts';
import type { TaskContext } from './task-context.ts';
import type { Limit } from './task-limits.ts';
import { refuseUnknownFields } from './task-limits.ts';
import { settingsOf } from './task-settings.ts';

export interface TaskDefinition<Schema extends z.ZodType> {
  readonly name: string;
  /** Workers can be told to register some groups only (TASK_GROUPS). Default `General`. */
  readonly group?: string;
  /** Default `default`. */
  readonly queue?: string;
  readonly description: string;
  readonly input: Schema;
  /** Attempts altogether before a failing run is failed for good, 1 to 100. Default 3. */
  readonly maxAttempts?: number;
  /** Pauses between attempts; default 2 s doubling up to 10 min. */
  readonly backoff?: Backoff;
  /** Whether an error is worth another attempt. Not asked about a `TaskError` that says it is not. Default: every other error is. */
  readonly retryIf?: RetryIf;
  /** The signal aborts after this time, milliseconds. Default eleven twelfths of the hard limit: 3300 s. */
  readonly softLimitMs?: number;
  /** The run is ended after this time, milliseconds, as its isolation can. Default 3600 s. */
  readonly hardLimitMs?: number;
  /** How many runs may go on at once, and start in a time, over all workers. All limits hold. Default none. */
  readonly limits?: readonly Limit[];
  /**
   * Default `inline`: beside the others of the worker's process, meant for I/O. A `thread` or a `process` of its own holds the hard limit
   * and a limit on memory whatever the handler does; only a process also survives crashes in native code.
   */
  readonly isolation?: TaskDescriptor['isolation'];
  /** For `thread` and `process`: MiB of heap, 32 or more. Default 512. */
  readonly memoryMb?: number;
  /** Returns the output, or a `fanOut`. Throws a `TaskError` to say what went wrong. */
  readonly handler: (input: z.output<Schema>, context: TaskContext) => unknown;
}

/** Where a task can be loaded from once more, in another thread or process. */
export interface TaskOrigin {
  readonly file: string;
  /** The folders in which files get the modules of the worker. */
  readonly folders: readonly string[];
}

/** A task as workers hold it. */
export interface Task {
  /** What is told about it when a worker registers. */
  readonly descriptor: TaskDescriptor;
  readonly retry: RetryPolicy;
  /** MiB; of no meaning inline. */
  readonly memoryMb: number;
  /** Only tasks of task files have one. */
  readonly origin?: TaskOrigin;
  /** The same task with its relative paths beginning at this folder; only of tasks that have such paths. */
  readonly moved?: (folder: string) => Task;
  /** The input as the handler wants it, or what is wrong with it. Never throws. */
  parse(input: unknown): { readonly input: unknown } | { readonly problem: string };
  handle(input: unknown, context: TaskContext): unknown;
}

const TASK = Symbol.for('longshore.task');

/** Defines a task: its contract and its handler. @throws {TypeError} that says all that is wrong with the definition */
export function defineTask<Schema extends z.ZodType>(definition: TaskDefinition<Schema>): Task {
  const { name, handler, input } = (definition ?? {}) as Partial<TaskDefinition<Schema>>;
  if (typeof handler !== 'function') throw new TypeError(`The task ${name} has no handler`);
  if (typeof input?.safeParse !== 'function')
    throw new TypeError(`The input of the task ${name} is no zod schema`);
  const { backoff, retryIf, memoryMb, ...settings } = settingsOf(definition);
  const descriptor = { ...settings, input_schema: jsonSchemaOf(input, settings.name) };
  refuseUnknownFields(descriptor);
  return marked({
    descriptor,
    retry: { backoff, retryIf },
    memoryMb,
    parse: (value) => parsed(input, value),
    handle: (value, context) => handler(value as z.output<Schema>, context),
  });
}

/** The same task, known to come from a file. */
export function withOrigin(task: Task, origin: TaskOrigin): Task {
  return marked({ ...task, origin });
}

/** The same task, which its file shall tell where it lies. */
export function movable(task: Task, moved: (folder: string) => Task): Task {
  return marked({ ...task, moved });
}

export function isTask(value: unknown): value is Task {
  return typeof value === 'object' && value !== null && TASK in value;
}

function marked(task: Task): Task {
  return Object.freeze(Object.defineProperty(task, TASK, { value: true }));
}

function parsed(schema: z.ZodType, value: unknown): ReturnType<Task['parse']> {
  try {
    const { success, data, error } = schema.safeParse(value);
    return success ? { input: data } : { problem: issuesText(error) };
  } catch (error) {
    // A check or a transformation in it threw: to this input it has no other answer, however often it is asked.
    return { problem: `its schema threw: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** What JSON Schema cannot say is left open there; the schema itself still checks it. */
function jsonSchemaOf(schema: z.ZodType, name: string): TaskDescriptor['input_schema'] {
  try {
    return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as TaskDescriptor['input_schema'];
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`The input of the task ${name} cannot be told as JSON Schema: ${reason}`, { cause });
  }
}
