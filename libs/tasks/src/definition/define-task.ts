import { taskDescriptorSchema } from '@longshore/contracts';
import type { TaskDescriptor } from '@longshore/contracts';
import { z } from 'zod';
import { issuesText } from './issues-text.ts';
import type { TaskContext } from './task-context.ts';

export interface Backoff {
  /** Longest pause before the first retry, milliseconds; doubles with each one. */
  readonly baseMs: number;
  /** No pause is longer, milliseconds. */
  readonly capMs: number;
}

export interface TaskDefinition<Schema extends z.ZodType> {
  readonly name: string;
  /** Workers can be told to register some groups only (TASK_GROUPS). Default `General`. */
  readonly group?: string;
  /** Default `default`. */
  readonly queue?: string;
  readonly description: string;
  readonly input: Schema;
  /** Attempts altogether before a failing run is failed for good. Default 3. */
  readonly maxAttempts?: number;
  /** Pauses between attempts; default 2 s doubling up to 10 min. */
  readonly backoff?: Backoff;
  /** The signal aborts after this time, milliseconds. Default 3300 s. */
  readonly softLimitMs?: number;
  /** The run is ended after this time, milliseconds. Default 3600 s. */
  readonly hardLimitMs?: number;
  /** Default `inline`: beside the others of this process, meant for I/O. */
  readonly isolation?: TaskDescriptor['isolation'];
  /** Returns the output, or a `fanOut`. Throws a `TaskError` to say what went wrong. */
  readonly handler: (input: z.output<Schema>, context: TaskContext) => unknown;
}

/** A task as workers hold it. */
export interface Task {
  /** What is told about it when a worker registers. */
  readonly descriptor: TaskDescriptor;
  readonly backoff: Backoff;
  /** The input as the handler wants it, or what is wrong with it. */
  parse(input: unknown): { readonly input: unknown } | { readonly problem: string };
  handle(input: unknown, context: TaskContext): unknown;
}

const TASK = Symbol.for('longshore.task');
const BACKOFF: Backoff = Object.freeze({ baseMs: 2_000, capMs: 600_000 });

/** Defines a task: its contract and its handler. @throws {TypeError} when the definition is wrong */
export function defineTask<Schema extends z.ZodType>(definition: TaskDefinition<Schema>): Task {
  const { name, handler, input } = definition;
  if (typeof handler !== 'function') throw new TypeError(`The task ${name} has no handler`);
  if (typeof input?.safeParse !== 'function')
    throw new TypeError(`The input of the task ${name} is no zod schema`);
  const described = taskDescriptorSchema.safeParse({
    name,
    group: definition.group ?? 'General',
    queue: definition.queue ?? 'default',
    description: definition.description ?? '',
    input_schema: jsonSchemaOf(input),
    max_attempts: definition.maxAttempts ?? 3,
    soft_limit_ms: definition.softLimitMs ?? 3_300_000,
    hard_limit_ms: definition.hardLimitMs ?? 3_600_000,
    isolation: definition.isolation ?? 'inline',
  });
  if (!described.success)
    throw new TypeError(`The task ${name} is defined wrongly: ${issuesText(described.error)}`);
  const task: Task = {
    descriptor: described.data,
    backoff: definition.backoff ?? BACKOFF,
    parse: (value) => {
      const parsed = input.safeParse(value);
      return parsed.success ? { input: parsed.data } : { problem: issuesText(parsed.error) };
    },
    handle: (value, context) => handler(value as z.output<Schema>, context),
  };
  return Object.freeze(Object.defineProperty(task, TASK, { value: true }));
}

export function isTask(value: unknown): value is Task {
  return typeof value === 'object' && value !== null && TASK in value;
}

/** What JSON Schema cannot say is left open there; the schema itself still checks it. */
function jsonSchemaOf(schema: z.ZodType): TaskDescriptor['input_schema'] {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as TaskDescriptor['input_schema'];
}
