import { childSpecSchema, continuationSpecSchema, MAX_CHILDREN } from '@longshore/contracts';
import type { ChildSpec, ContinuationSpec, RunError } from '@longshore/contracts';
import { redact } from '@longshore/runtime';
import { z } from 'zod';
import type { FanOut } from '../definition/fan-out.ts';
import { isFanOut } from '../definition/fan-out.ts';
import { issuesText } from '../definition/issues-text.ts';
import { isTaskError, TaskError } from '../definition/task-error.ts';
import type { CleanJson } from './clean-json.ts';
import { cleanJson, cleanText } from './clean-json.ts';

/** How an attempt ended, decided but not yet told. */
export type Outcome =
  | { readonly kind: 'succeeded'; readonly output: CleanJson }
  | {
      readonly kind: 'failed';
      readonly error: RunError;
      readonly output: CleanJson | null;
      readonly retryable: boolean;
    }
  | {
      readonly kind: 'fanned_out';
      readonly children: ChildSpec[];
      readonly then: ContinuationSpec;
      readonly maxParallel: number | null;
    };

/** More than this is no output but a file. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const MAX_MESSAGE = 10_000;
const MAX_DETAIL = 20_000;

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
export function outcomeOfResult(result: unknown): Outcome {
  try {
    return isFanOut(result) ? fannedOut(result) : { kind: 'succeeded', output: outputOf(result) };
  } catch (error) {
    return outcomeOfError(error);
  }
}

/** What a handler's error means. One that is not a TaskError may be anything, so another attempt is worth it. */
export function outcomeOfError(error: unknown): Outcome {
  if (!isTaskError(error)) return failed('unexpected_error', error, { retryable: true });
  return failed(error.code, error, { retryable: error.retryable, output: outputOrNull(error.output) });
}

function failed(
  code: string,
  error: unknown,
  { retryable, output = null }: { retryable: boolean; output?: CleanJson | null },
): Outcome {
  const message = error instanceof Error ? error.message : String(error);
  return {
    kind: 'failed',
    error: {
      code: cleanText(code, 100) || 'unexpected_error',
      message: shown(message, MAX_MESSAGE),
      detail: error instanceof Error ? shown(stackOf(error), MAX_DETAIL) : null,
    },
    output,
    retryable,
  };
}

function shown(text: string, maxLength: number): string {
  return cleanText(String(redact(text)), maxLength);
}

function stackOf(error: Error): string {
  const stacks: string[] = [];
  for (let cause: unknown = error; cause instanceof Error && stacks.length < 5; cause = cause.cause) {
    stacks.push(cause.stack ?? String(cause));
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
