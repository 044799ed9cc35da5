import type { ExecutionDetail, ExecutionSummary, FileResult } from '@longshore/contracts';
import type { ExpectedOutput } from './documents.ts';

export type Status = ExecutionDetail['status'];

/** What the client knows about one execution that it posted, or tried to. Times in milliseconds of its own monotonic clock. */
export interface LedgerEntry {
  /** Its idempotency key, and its tag in the platform. */
  readonly tag: string;
  readonly files: readonly ExpectedFile[];
  readonly postedAt: number;
  /** When the first answer said that it was accepted. */
  acceptedAt?: number;
  /** The execution each answer named. */
  readonly executionIds: string[];
  /** Why it was refused for good. */
  refusal?: string;
  /** Whether the platform said once that it does not know it, after it had accepted it. */
  vanished?: boolean;
  /** Every status that was read, in the order of reading. */
  readonly samples: Sample[];
  /** As it was read when it had ended. */
  first?: Outcome;
  /** As it was read again when everything was over. */
  last?: Outcome;
}

export interface ExpectedFile {
  readonly name: string;
  /** Undefined: it must fail. */
  readonly output: ExpectedOutput | undefined;
  /** Delivered by an earlier execution of its pipeline: it must be skipped. */
  readonly wasDelivered?: boolean;
}

interface Sample {
  readonly at: number;
  readonly status: Status;
}

/** How an execution ended. */
export interface Outcome {
  readonly status: Status;
  readonly error: string | null;
  readonly totalFiles: number;
  readonly successfulFiles: number;
  readonly failedFiles: number;
  readonly results: readonly FileOutcome[];
}

interface FileOutcome {
  readonly file: string;
  readonly fileExecutionId: string;
  readonly status: FileResult['status'];
  readonly output: unknown;
  readonly error: string | null;
}

/** An execution that the platform lists at the end. */
export interface ListedExecution {
  readonly executionId: string;
  readonly tags: readonly string[];
}

/** Everything that is held against the promise. It comes from outside: what the client sent, and what it was answered. */
export interface History {
  readonly entries: readonly LedgerEntry[];
  readonly listed: readonly ListedExecution[];
}

/** What was accepted, and under which ids. */
export type Accepted = Pick<LedgerEntry, 'executionIds' | 'acceptedAt'>;

/** Adds a status that was read. */
export function recordStatus(entry: LedgerEntry, status: Status, at: number): void {
  entry.samples.push({ at, status });
}

/** Adds an answer that named an execution. */
export function recordAnswer(entry: Accepted, executionId: string, at: number): void {
  entry.acceptedAt ??= at;
  entry.executionIds.push(executionId);
}

export function outcomeOf(detail: ExecutionDetail): Outcome {
  return {
    status: detail.status,
    error: detail.error,
    totalFiles: detail.total_files,
    successfulFiles: detail.successful_files,
    failedFiles: detail.failed_files,
    results: (detail.result ?? []).map((result) => ({
      file: result.file,
      fileExecutionId: result.file_execution_id,
      status: result.status,
      output: result.result?.output ?? null,
      error: result.error,
    })),
  };
}

export function listedOf({ execution_id: executionId, tags }: ExecutionSummary): ListedExecution {
  return { executionId, tags };
}

export function hasEnded(status: Status): boolean {
  return status !== 'PENDING' && status !== 'EXECUTING';
}
