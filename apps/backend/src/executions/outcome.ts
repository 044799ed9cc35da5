import {
  apiError,
  executionStatusOf,
  isTerminal,
  orderedOutput,
  type ExecutionStatus,
  type FileResult,
  type JsonValue,
  type Output,
  type RunState,
  type SkippedFile,
} from '@longshore/contracts';
import type { Definitions, KnownDefinition } from '../deployments/definitions.ts';
import { createPipelineSummaries, type PipelineSummaries } from '../pipelines/summaries.ts';
import type { FileStore } from '../files/file-store.ts';
import type { Database } from '../store/database.ts';
import { attemptNumber } from '../runs/attempt-number.ts';
import { childRunId, pipelineFileId } from '../store/family-ids.ts';
import {
  createOutcomeReads,
  type FileRunRow,
  type RequestedFile,
  type StoredExecution,
} from './outcome-reads.ts';
import type { ResultFlags } from './request-fields.ts';
import { createResultSize } from './result-size.ts';

/** A file of the request with the run that read it, if it got that far. Files of one content share a run. */
export interface StoredFile extends RequestedFile, Omit<FileRunRow, 'run_id' | 'state'> {
  readonly run_id: string | null;
  readonly state: RunState | null;
}

/** What is known of a file whose run does not exist yet. */
const NO_RUN = {
  run_id: null,
  state: null,
  output: null,
  error: null,
  attempts: 0,
  starts: 0,
  instance: null,
  started_at: null,
  finished_at: null,
};

export interface Outcomes {
  /** The execution, or null when there is none of that id. */
  find(executionId: string): Promise<StoredExecution | null>;
  files(execution: StoredExecution): Promise<StoredFile[]>;
  /**
   * Results in the order of the request. Of an execution that was cancelled those of the files that had ended before, null
   * when there are none. Null too once they were removed, kept long enough.
   * @throws ApiError 413 when they are too large for one answer.
   */
  results(execution: StoredExecution, flags: ResultFlags): Promise<FileResult[] | null>;
  /** What a pipeline's execution tells beside its results; see {@link PipelineSummaries}. */
  readonly summary: PipelineSummaries;
  /**
   * What a file run left, its fields in the order of that version of the workflow; null for what is no such thing.
   * @throws ApiError 500 when its object is gone.
   */
  content(output: Output | null, versionId: string): Promise<FileOutput | null>;
  /** Marks a terminal result as read. False when it was read before. */
  acknowledge(executionId: string): Promise<boolean>;
}

export interface OutcomesDependencies {
  readonly database: Database;
  readonly store: FileStore;
  readonly definitions: Definitions;
  /** All results of an execution together; see {@link createResultSize} for the default. */
  readonly maxResultBytes?: number;
}

export function createOutcomes({
  database,
  store,
  definitions,
  maxResultBytes,
}: OutcomesDependencies): Outcomes {
  const reads = createOutcomeReads(database);
  const summary = createPipelineSummaries(database, store);

  async function content(output: Output | null, versionId: string): Promise<FileOutput | null> {
    const read = await readFileOutput(store, output);
    return read && inOrder(read, await definitions(versionId));
  }

  async function files({ id, files }: StoredExecution, includeText: boolean): Promise<StoredFile[]> {
    if (files.length === 0) return [];
    const runIds = new Map(files.map((file) => [keyOf(file), childRunId(id, keyOf(file))]));
    const byId = await reads.fileRuns(includeText).add([...runIds.values()]);
    return files.map((file) => ({ ...file, ...(byId.get(runIds.get(keyOf(file))!) ?? withoutRun(file)) }));
  }

  return {
    summary,
    content,
    find: (executionId) => reads.executions.add(executionId.toLowerCase()),
    files: (execution) => files(execution, false),
    async results(execution, flags) {
      if (execution.results_removed_at !== null) return null;
      const stored = await files(execution, flags.includeExtractedText);
      const told = execution.state === 'cancelled' ? stored.filter(hadEnded) : stored;
      const skipped = (await summary(execution))?.skipped_files ?? null;
      if (told.length === 0 && skipped === null) return null;
      const size = createResultSize(told, {
        withTexts: flags.includeExtractedText,
        maxBytes: maxResultBytes,
      });
      const processed: FileResult[] = [];
      // One after the other: what nobody asked for, mostly the text, is let go of before the next is read.
      for (const file of told) {
        // A file that failed may still have told what was found in it.
        const read = await content(file.output, execution.workflow_version_id);
        size.add(file, read);
        processed.push(resultOf(execution, file, read, flags));
      }
      return [...processed, ...(skipped ?? []).map((file) => skippedResult(execution, file))];
    },
    acknowledge: (executionId) => reads.acknowledgements.add(executionId),
  };
}

function withoutRun({ problem }: RequestedFile) {
  if (typeof problem !== 'string') return NO_RUN;
  return { ...NO_RUN, state: 'failed' as const, error: { code: 'unread', message: problem, detail: null } };
}

/** The public status of a stored execution. */
export function statusOf(execution: StoredExecution): ExecutionStatus {
  return executionStatusOf({ state: execution.state, everClaimed: execution.started_at !== null });
}

/** True once the execution will never change again. */
export function hasEnded(execution: StoredExecution): boolean {
  return isTerminal(execution.state);
}

function hadEnded({ state }: StoredFile): boolean {
  return state === 'succeeded' || state === 'failed';
}

export interface FileOutput {
  output: JsonValue;
  extracted_text?: string;
  /** What is missing or wrong in the output, one sentence each. */
  problems?: JsonValue;
  document?: JsonValue;
  /** Where each value comes from. */
  fields?: JsonValue;
  elapsed_ms?: number;
}

/** The files of one key share a run. */
function keyOf({ key, sha256 }: RequestedFile): string {
  return key ?? sha256;
}

/** The database keeps the keys of an object in an order of its own; people want that of their workflow. */
function inOrder(read: FileOutput, known: KnownDefinition | null): FileOutput {
  if (known === null) return read;
  return { ...read, output: orderedOutput(known.definition, read.output) as JsonValue };
}

function resultOf(
  execution: StoredExecution,
  file: StoredFile,
  read: FileOutput | null,
  flags: ResultFlags,
): FileResult {
  const succeeded = file.state === 'succeeded' && read !== null;
  const runId = file.run_id ?? file.file_id;
  return {
    file: file.name,
    file_execution_id: runId,
    status: succeeded ? 'Success' : 'Failed',
    result: read === null ? null : resultBody(read, file, flags),
    error: succeeded ? null : failureOf(execution, file),
    metadata: outerMetadata(execution, file, runId),
    ...(flags.includeExtractedText && read?.extracted_text !== undefined
      ? { extracted_text: read.extracted_text }
      : {}),
  };
}

function skippedResult(execution: StoredExecution, { file, reason, sha256 }: SkippedFile): FileResult {
  const id = pipelineFileId(execution.id, file);
  const stored = { ...NO_RUN, file_id: id, name: file, size: 0, sha256 };
  const metadata = outerMetadata(execution, stored, id);
  return { file, file_execution_id: id, status: 'Skipped', result: null, error: reason, metadata };
}

function resultBody(
  read: FileOutput,
  file: StoredFile,
  flags: ResultFlags,
): NonNullable<FileResult['result']> {
  return {
    output: read.output,
    ...(flags.includeMetadata
      ? {
          metadata: {
            file_name: file.name,
            size: file.size,
            document: read.document ?? null,
            problems: read.problems ?? [],
            ...(read.fields === undefined ? {} : { fields: read.fields }),
          },
        }
      : {}),
    ...(flags.includeMetrics
      ? {
          metrics: {
            reading_ms: read.elapsed_ms ?? null,
            total_ms: elapsedMs(file),
            attempts: attemptNumber(file),
            starts: file.starts,
          },
        }
      : {}),
  };
}

function failureOf(execution: StoredExecution, file: StoredFile): string {
  if (file.error !== null) return file.error.message;
  if (file.state === 'succeeded') return 'The worker stored a result that cannot be read';
  return execution.error?.message ?? 'This file was not processed';
}

function outerMetadata(execution: StoredExecution, file: StoredFile, runId: string): FileResult['metadata'] {
  return {
    source_name: file.name,
    source_hash: file.sha256,
    file_execution_id: runId,
    total_elapsed_time: elapsedMs(file) / 1000,
    workflow_id: execution.workflow_id,
    execution_id: execution.id,
    workflow_start_time: (execution.started_at ?? execution.created_at).getTime() / 1000,
    organization_id: execution.organisation,
    tags: execution.tags,
    ...(file.reused_from === undefined ? {} : { reused_from: file.reused_from }),
  };
}

function elapsedMs(file: StoredFile): number {
  return file.started_at === null || file.finished_at === null
    ? 0
    : file.finished_at.getTime() - file.started_at.getTime();
}

/**
 * What a file run left, from its row or from the file store; null for what is no such thing, which must not make
 * the results of the other files unreadable.
 *
 * @throws ApiError 500 when its object is gone.
 */
async function readFileOutput(store: FileStore, output: Output | null): Promise<FileOutput | null> {
  const value = output === null ? null : 'inline' in output ? output.inline : await readStored(store, output);
  const isFileOutput = typeof value === 'object' && value !== null && 'output' in value;
  return isFileOutput ? (value as unknown as FileOutput) : null;
}

async function readStored(
  store: FileStore,
  { ref, size }: Extract<Output, { ref: string }>,
): Promise<JsonValue> {
  const [bytes] = await store.readSlices([{ object: ref, offset: 0, size }]);
  if (!bytes) throw apiError('internal_error', 'The stored result is gone from the file store');
  try {
    return JSON.parse(bytes.toString()) as JsonValue;
  } catch {
    return null;
  }
}
