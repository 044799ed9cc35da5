import { createHash, randomUUID } from 'node:crypto';
import type {
  ChildSpec,
  ContinuationSpec,
  ExecutionContext,
  JsonValue,
  RunError,
  WebhookCall,
  WorkflowDefinition,
} from '@longshore/contracts';
import { apiError } from '@longshore/contracts';
import { systemClock } from '@longshore/runtime';
import type { Task } from '../definition/define-task.ts';
import { pauseAfter } from '../definition/retry-policy.ts';
import type { TaskContext, TaskFile } from '../definition/task-context.ts';
import { TaskError } from '../definition/task-error.ts';
import type { LogLine } from '../execution/log-lines.ts';
import { limitedLog } from '../execution/log-lines.ts';
import { carryOut } from '../execution/carry-out.ts';
import type { Outcome } from '../execution/outcome.ts';
import type { Progress } from '../execution/progress.ts';
import { progressOf } from '../execution/progress.ts';

/** What a handler shall find; nothing is required. */
export interface RunTaskOptions {
  /** From 1, the default. */
  readonly attempt?: number;
  /** Default: those of the task. */
  readonly maxAttempts?: number;
  /** The run's id, which is its idempotency key. Default: a new one. */
  readonly id?: string;
  readonly file?: { readonly name: string; readonly bytes: Uint8Array };
  /** For what follows a fan-out: how its children ended, in their order. One with an error has failed. */
  readonly children?: readonly {
    readonly key: string;
    readonly output?: unknown;
    readonly error?: RunError;
  }[];
  readonly execution?: Partial<ExecutionContext>;
  /** Of the execution. */
  readonly workflow?: WorkflowDefinition;
  /** What `webhookCall` of the context answers. */
  readonly webhook?: WebhookCall;
  /** Abort it to see what a cancel does. */
  readonly signal?: AbortSignal;
  /** What `sleep` of the context does, so that a test need not wait. Default: it sleeps. */
  readonly sleep?: TaskContext['sleep'];
}

/** How an attempt ended, and what was said in it. */
export type TaskRun = {
  readonly logs: readonly LogLine[];
  readonly progress: readonly Progress[];
} & (
  | { readonly outcome: 'succeeded'; readonly output: JsonValue }
  | {
      readonly outcome: 'failed';
      readonly error: RunError;
      /** What there was of a result; null for none. */
      readonly output: JsonValue;
      /** The longest pause before the next attempt, milliseconds; null when there is none. */
      readonly retryAfterMs: number | null;
    }
  | {
      readonly outcome: 'fanned_out';
      readonly children: readonly ChildSpec[];
      readonly then: ContinuationSpec;
      readonly maxParallel: number | null;
    }
);

/**
 * Carries out one attempt of a task here, with the rules of a worker (its schema, its policy, JSON), but without one: no backend, no broker,
 * no limits. What the handler throws is told as the outcome. Never rejects.
 */
export async function runTask(task: Task, input: unknown, options: RunTaskOptions = {}): Promise<TaskRun> {
  const logs: LogLine[] = [];
  const progress: Progress[] = [];
  const said = { logs, progress };
  const context = contextOf(task, options, said);
  const outcome = await carryOut(task, input, context);
  return { ...said, ...endOf(outcome, task, context.run) };
}

function endOf(outcome: Outcome, { retry }: Task, { attempt, maxAttempts }: TaskContext['run']) {
  switch (outcome.kind) {
    case 'succeeded':
      return { outcome: 'succeeded', output: outcome.output.value } as const;
    case 'failed': {
      const pause = outcome.retryAfterMs ?? pauseAfter(attempt, retry.backoff, () => 1);
      const retryAfterMs = outcome.retryable && attempt < maxAttempts ? pause : null;
      return {
        outcome: 'failed',
        error: outcome.error,
        output: outcome.output?.value ?? null,
        retryAfterMs,
      } as const;
    }
    case 'fanned_out': {
      const { children, then, maxParallel } = outcome;
      return { outcome: 'fanned_out', children, then, maxParallel } as const;
    }
  }
}

function contextOf(
  { descriptor }: Task,
  options: RunTaskOptions,
  { logs, progress }: { logs: LogLine[]; progress: Progress[] },
): TaskContext {
  const { id = randomUUID(), attempt = 1, signal = new AbortController().signal, workflow } = options;
  const maxAttempts = options.maxAttempts ?? descriptor.max_attempts;
  const results = (options.children ?? []).map(childOf);
  const execution = options.execution || workflow ? executionOf(options.execution ?? {}) : null;
  const own = { id, task: descriptor.name, idempotencyKey: id };
  const ids = { executionId: execution?.execution_id ?? id, organisationId: randomUUID() };
  return {
    run: { ...own, ...ids, attempt, maxAttempts },
    execution,
    file: options.file ? fileOf(options.file) : null,
    children: results.map(({ output: _output, ...summary }) => summary),
    childResults: async () => results,
    childOutput: async (runId) => outputOf(results, runId),
    signal,
    log: limitedLog((line) => logs.push(line)),
    progress: (...told) => void progress.push(progressOf(...told)),
    sleep: options.sleep ?? ((ms) => systemClock.sleep(ms, signal)),
    workflowDefinition: async () => {
      if (workflow !== undefined) return workflow;
      throw new TaskError('no_workflow', 'This run belongs to no workflow', { retryable: false });
    },
    get pipelineFiles(): never {
      throw new TaskError('no_pipeline', 'There is no pipeline', { retryable: false });
    },
    webhookCall: async () => {
      if (options.webhook !== undefined) return options.webhook;
      throw new TaskError('no_webhook', 'There is no webhook', { retryable: false });
    },
  };
}

function childOf({ key, output, error }: NonNullable<RunTaskOptions['children']>[number], ordinal: number) {
  const state = error === undefined ? ('succeeded' as const) : ('failed' as const);
  const inline = output === undefined ? null : (JSON.parse(JSON.stringify(output)) as JsonValue);
  return { run_id: randomUUID(), key, ordinal, state, error: error ?? null, output: { inline } };
}

function outputOf(children: readonly ReturnType<typeof childOf>[], runId: string): JsonValue {
  const child = children.find(({ run_id }) => run_id === runId);
  if (child === undefined) throw apiError('not_found', 'This run has no such child');
  return child.output.inline;
}

function executionOf(given: Partial<ExecutionContext>): ExecutionContext {
  return {
    ...{ execution_id: randomUUID(), workflow_version_id: randomUUID() },
    ...{ include_extracted_text: false, custom_data: null, tags: [] },
    ...given,
  };
}

function fileOf({ name, bytes }: NonNullable<RunTaskOptions['file']>): TaskFile {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { id: randomUUID(), name, size: bytes.length, sha256, bytes: async () => new Uint8Array(bytes) };
}
