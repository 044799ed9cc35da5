import type { ChildSummary, ExecutionContext, JsonValue } from '@longshore/contracts';
import type { RunFacts, TaskFile } from '../definition/task-context.ts';
import type { AbortCause } from '../execution/abort-reasons.ts';
import type { LogLine } from '../execution/log-lines.ts';
import type { Outcome } from '../execution/outcome.ts';
import type { Progress } from '../execution/progress.ts';

/** To a thread or process that carries out runs. `run` numbers the attempts that it is given. */
export type ToIsolate =
  | { readonly type: 'load'; readonly file: string; readonly folders: readonly string[] }
  | ({ readonly type: 'run'; readonly run: number } & IsolatedRun)
  | { readonly type: 'abort'; readonly run: number; readonly cause: AbortCause }
  | ({ readonly type: 'answer'; readonly run: number; readonly call: number } & Answer);

/** What a handler knows of its run from the start. */
export interface IsolatedRun {
  readonly facts: RunFacts;
  readonly input: JsonValue;
  readonly execution: ExecutionContext | null;
  readonly file: Omit<TaskFile, 'bytes'> | null;
  readonly children: readonly ChildSummary[];
}

/** What a handler may ask of the worker, which alone speaks to the backend. */
export type Asked =
  | { readonly what: 'bytes' | 'childResults' | 'workflowDefinition' }
  | { readonly what: 'childOutput'; readonly runId: string };

type Answer = { readonly value: unknown } | { readonly error: WireError };

/** An error of the worker's, as the handler gets it. */
export interface WireError {
  /** Of a TaskError; null for any other. */
  readonly code: string | null;
  readonly message: string;
  readonly retryable: boolean;
}

/** An output is its JSON text: a copy of the value itself would cost more, and be less certain. */
export type WireOutcome =
  | { readonly kind: 'succeeded'; readonly output: string }
  | (Omit<Extract<Outcome, { kind: 'failed' }>, 'output'> & { readonly output: string | null })
  | Extract<Outcome, { kind: 'fanned_out' }>;

export type FromIsolate =
  /** It has started, and is about to import the file. */
  | { readonly type: 'loading' }
  | { readonly type: 'loaded' }
  | { readonly type: 'not_loaded'; readonly reason: string }
  | { readonly type: 'log'; readonly run: number; readonly line: LogLine }
  | { readonly type: 'progress'; readonly run: number; readonly progress: Progress }
  | { readonly type: 'call'; readonly run: number; readonly call: number; readonly asked: Asked }
  | { readonly type: 'ended'; readonly run: number; readonly outcome: WireOutcome };

/** What a thread is started with: a way of its own to this side, for the handler may use the other one. */
export interface IsolateThreadData {
  readonly port: import('node:worker_threads').MessagePort;
}

/** Whatever else comes along (Node itself says things under `--watch`) is not meant for us. */
export function isFromIsolate(message: unknown): message is FromIsolate {
  const { type } = (message ?? {}) as { type?: unknown };
  return ['loading', 'loaded', 'not_loaded', 'log', 'progress', 'call', 'ended'].includes(type as string);
}
