import { childSpecSchema, continuationSpecSchema, MAX_CHILDREN } from '@longshore/contracts';
import type { ChildSpec, ContinuationSpec, RunError } from '@longshore/contracts';
import { z } from 'zod';
import type { FanOut } from '../definition/fan-out.ts';
import { isFanOut } from '../definition/fan-out.ts';
import { issuesText } from '../definition/issues-text.ts';
import type { RetryPolicy } from '../definition/retry-policy.ts';
import { askedPause, isWorthRetrying } from '../definition/retry-policy.ts';
import { isTaskError, TaskError } from '../definition/task-error.ts';
import type { CleanJson } from './clean-json.ts';
import { cleanJson, cleanText } from './clean-json.ts';

/** How an attempt ended, decided but not yet told: the words of an error may still hold secrets, and be longer than is stored. */
export type Outcome =
  | { readonly kind: 'succeeded'; readonly output: CleanJson }
  | {
      readonly kind: 'failed';
      readonly error: RunError;
      readonly output: CleanJson | null;
      readonly retryable: boolean;
      /** The pause before the next attempt that the error asks for; null leaves it to the backoff of the task. */
      readonly retryAfterMs: number | null;
    }
  | {
      readonly kind: 'fanned_out';
      readonly children: ChildSpec[];
      readonly then: ContinuationSpec;
      readonly maxParallel: number | null;
    };

/** More than this is no output but a file. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** Of an error's message and of its stacks, UTF-16 units. What is stored is cut shorter, once there are no secrets in it. */
const MAX_ERROR_TEXT = 100_000;
const MAX_CAUSES = 5;

const fanOutSchema = z.object({
  children: z
    .array(childSpecSchema)
    .max(MAX_CHILDREN)
    .refine(
      (children) => new Set(children.map(({ key }) => key)).size === children.length,
      'two children have one key',
    ),
  then: continuationSpecSchema,
  max_parallel: z.int().min(1).nullable(),
});

/** What a handler's result means. Never throws: a result that cannot be told makes the run fail with the reason. */
export function outcomeOfResult(result: unknown, retry: RetryPolicy, attempt: number): Outcome {
  try {
    return isFanOut(result) ? fannedOut(result) : { kind: 'succeeded', output: outputOf(result) };
  } catch (error) {
    return outcomeOfError(error, retry, attempt);
  }
}

/** What an error means. One that is not a TaskError may be anything, so another attempt is worth it unless the policy says otherwise. */
export function outcomeOfError(error: unknown, retry: RetryPolicy, attempt: number): Outcome {
  const known = isTaskError(error);
  return {
    kind: 'failed',
    error: {
      code: (known && cleanText(error.code, 100)) || 'unexpected_error',
      message: cleanText(messageOf(error), MAX_ERROR_TEXT),
      detail: error instanceof Error ? cleanText(stackOf(error), MAX_ERROR_TEXT) : null,
    },
    output: known ? outputOrNull(error.output) : null,
    retryable: isWorthRetrying(error, retry, attempt),
    retryAfterMs: askedPause(error),
  };
}

/** Anything may be thrown, even what cannot be written as text. */
function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? String(error.message) : String(error);
  } catch {
    return 'Something was thrown that cannot be written as text';
  }
}

function stackOf(error: Error): string {
  const stacks: string[] = [];
  for (
    let cause: unknown = error;
    cause instanceof Error && stacks.length < MAX_CAUSES;
    cause = cause.cause
  ) {
    stacks.push(String(cause.stack ?? messageOf(cause)));
  }
  return stacks.join('\ncaused by: ');
}

function outputOf(value: unknown): CleanJson {
  const output = jsonOf(value, 'The output');
  if (output.bytes <= MAX_OUTPUT_BYTES) return output;
  throw new TaskError(
    'output_too_large',
    `The output has ${output.bytes} bytes; at most ${MAX_OUTPUT_BYTES} are kept`,
    {
      retryable: false,
    },
  );
}

/** A failed run keeps its error even when its output cannot be kept. */
function outputOrNull(value: unknown): CleanJson | null {
  if (value === undefined) return null;
  try {
    return outputOf(value);
  } catch {
    return null;
  }
}

function jsonOf(value: unknown, what: string): CleanJson {
  try {
    return cleanJson(value);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TaskError('not_json', `${what} cannot be written as JSON: ${reason}`, { retryable: false });
  }
}

function fannedOut({ plan }: FanOut): Outcome {
  const { children, then, maxParallel } = plan;
  const parsed = fanOutSchema.safeParse({
    children: children.map(({ key, task, queue, input, fileId }) => ({
      key: cleanText(key, 300),
      ...specOf({ task, queue, input }),
      ...(fileId !== undefined && { file_id: fileId }),
    })),
    then: specOf(then),
    max_parallel: maxParallel ?? null,
  });
  if (!parsed.success) {
    throw new TaskError('invalid_fan_out', `The fan-out is wrong: ${issuesText(parsed.error)}`, {
      retryable: false,
    });
  }
  return {
    kind: 'fanned_out',
    children: parsed.data.children,
    then: parsed.data.then,
    maxParallel: parsed.data.max_parallel,
  };
}

function specOf({ task, queue, input }: { task: string; queue?: string | undefined; input: unknown }) {
  return { task, ...(queue !== undefined && { queue }), input: jsonOf(input, `The input of ${task}`).value };
}
