import type { TaskDescriptor } from '@longshore/contracts';
import { z } from 'zod';
import { wrongDefinition } from './definition-problems.ts';
import { issuesText } from './issues-text.ts';
import type { Backoff, RetryIf, RetryPolicy } from './retry-policy.ts';
import type { TaskContext } from './task-context.ts';
import type { Limit } from './task-limits.ts';
import { unknownFieldProblems } from './task-limits.ts';
import { settingsOf, type TaskSettings } from './task-settings.ts';

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
  const { handler, input } = (definition ?? {}) as TaskDefinition<Schema>;
  const parts = partsOf(definition ?? {});
  if ('problems' in parts) throw wrongDefinition('task', definition?.name, parts.problems);
  const { backoff, retryIf, memoryMb, ...settings } = parts.settings;
  return marked({
    descriptor: { ...settings, input_schema: parts.inputSchema },
    retry: { backoff, retryIf },
    memoryMb,
    parse: (value) => parsed(input, value),
    handle: (value, context) => handler(value as z.output<Schema>, context),
  });
}

type Parts = {
  readonly settings: TaskSettings;
  readonly inputSchema: TaskDescriptor['input_schema'];
};

/** What a definition says, or all that is wrong with it. `known`: the keys that a definition of its kind may have. */
export function partsOf(
  definition: { readonly input?: z.ZodType; readonly handler?: unknown },
  known?: readonly string[],
): Parts | { readonly problems: readonly string[] } {
  const read = settingsOf(definition, known);
  const told = inputSchemaOf(definition.input);
  const problems = [
    ...('problems' in read ? read.problems : []),
    ...('problem' in told ? [told.problem] : []),
    ...(typeof definition.handler === 'function' ? [] : ['it has no handler']),
  ];
  if ('problems' in read || 'problem' in told || problems.length > 0) return { problems };
  const unknown = unknownFieldProblems({ ...read.settings, input_schema: told.inputSchema });
  return unknown.length > 0 ? { problems: unknown } : { ...read, ...told };
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
function inputSchemaOf(
  schema: z.ZodType | undefined,
): { readonly inputSchema: TaskDescriptor['input_schema'] } | { readonly problem: string } {
  if (typeof schema?.safeParse !== 'function') return { problem: 'input: is no zod schema' };
  try {
    const told = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
    return { inputSchema: told as TaskDescriptor['input_schema'] };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { problem: `input: cannot be told as JSON Schema: ${reason}` };
  }
}
