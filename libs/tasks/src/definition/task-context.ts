import type { Readable } from 'node:stream';
import type {
  ChildResults,
  ChildSummary,
  ExecutionContext,
  JsonValue,
  KnownFile,
  KnownFilesRequest,
  ListedFilesRequest,
  OpenedCredential,
  PipelineFile,
  PipelineResult,
  SettleFilesRequest,
  TakenFile,
  WebhookCall,
  WorkflowDefinition,
} from '@longshore/contracts';

/** What a handler knows of its run, and what it may ask. Everything here reaches this run's execution alone. */
export interface TaskContext {
  readonly run: RunFacts;
  /** What all runs of a deployment's execution share; null for other runs. */
  readonly execution: ExecutionContext | null;
  /** The file this run works on. */
  readonly file: TaskFile | null;
  /** For what follows a fan-out: how each child ended, in the order of the fan-out. */
  readonly children: readonly ChildSummary[];
  /** The children with their outputs: inline up to 64 KiB, as a reference above; {@link childOutput} has those too. */
  childResults(): Promise<ChildResults['children']>;
  /** What one of the children made, however large; null for nothing. `runId` is its `run_id`. @throws {ApiError} 404 for any other run */
  childOutput(runId: string): Promise<JsonValue>;
  /** Aborts when the run was cancelled, ran past its soft limit, or is taken from this process. Pass it on. */
  readonly signal: AbortSignal;
  /**
   * Lines that are shown with the run; the worker writes them to its own log too. Never throws. A run has 10,000 lines or 1 MiB; what
   * goes beyond is dropped and counted.
   */
  readonly log: TaskLog;
  /** Shown with the run. Only the latest counts; never throws, never waits. `percentage` from 0 to 100. */
  progress(percentage: number | null, message?: string, data?: unknown): void;
  /** Resolves after this time, milliseconds; rejects with the signal's reason as soon as that aborts. */
  sleep(ms: number): Promise<void>;
  /** The workflow of the execution, at the version it was started with. @throws {TaskError} without an execution */
  workflowDefinition(): Promise<WorkflowDefinition>;
  /** For the two tasks that begin and end the execution of a pipeline; all others are refused. */
  readonly pipelineFiles: PipelineFiles;
  /** For the task that delivers webhooks: what it sends now, signed. All others are refused. */
  webhookCall(): Promise<WebhookCall>;
}

/** The files that the execution of a pipeline takes from its source. */
export interface PipelineFiles {
  /** Of these files of the source those that need not be read again, for nothing of them has changed. */
  known(files: KnownFilesRequest['files']): Promise<KnownFile[]>;
  /** The values of a credential that the run's input names, for this run alone: they belong in no log and in no result. */
  credential(name: string): Promise<OpenedCredential>;
  /** Brings a file in, unless it is to be skipped. `open` may be called again; what its stream fails with is thrown. */
  take(
    file: { path: string; ordinal: number; mark?: string | undefined },
    open: () => Readable,
  ): Promise<TakenFile>;
  /** Notes files that could not be read, and at last that the source was read to its end. */
  listed(request: ListedFilesRequest): Promise<void>;
  /** The next files behind this place, with what became of them; none when that was all. */
  after(ordinal: number): Promise<PipelineFile[]>;
  /** What was found in one of them. */
  result(fileId: string): Promise<PipelineResult>;
  /** Says what became of files: others may take them from then on. Said twice it counts once. */
  settle(request: SettleFilesRequest): Promise<void>;
}

export interface RunFacts {
  readonly id: string;
  readonly task: string;
  readonly executionId: string;
  readonly organisationId: string;
  /** From 1; counts failures, not hand-backs. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** The same in every attempt: send it along where the effect must happen once. */
  readonly idempotencyKey: string;
}

export interface TaskFile {
  readonly id: string;
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
  /** The content, checked against size and hash. Each call gives memory of the caller's own. */
  bytes(): Promise<Uint8Array>;
}

type LogMethod = (message: string, fields?: Record<string, unknown>) => void;

export interface TaskLog {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
}
