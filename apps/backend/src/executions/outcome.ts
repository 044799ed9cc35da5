import {
  apiError,
  executionStatusOf,
  isTerminal,
  type ExecutionStatus,
  type FileResult,
  type JsonValue,
  type Output,
  type RunError,
  type RunState,
} from '@longshore/contracts';
import type { FileStore } from '../files/file-store.ts';
import type { Database } from '../store/database.ts';
import { childRunId, familyRange } from '../store/family-ids.ts';
import type { ResultFlags } from './request-fields.ts';

/** An execution as stored, with the run that it is. */
export interface StoredExecution {
  readonly id: string;
  readonly organisation: string;
  readonly organisation_id: string;
  readonly deployment_id: string;
  readonly api_name: string;
  readonly workflow_id: string;
  readonly tags: string[];
  readonly include_metadata: boolean;
  readonly include_metrics: boolean;
  readonly include_extracted_text: boolean;
  readonly acknowledged_at: Date | null;
  readonly created_at: Date;
  readonly state: RunState;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
  readonly error: RunError | null;
  /** In the order of the request. */
  readonly files: readonly RequestedFile[];
}

interface RequestedFile {
  readonly file_id: string;
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
}

/** A file of the request with the run that read it, if it got that far. Files of one content share a run. */
export interface StoredFile extends RequestedFile, Omit<FileRunRow, 'run_id' | 'state'> {
  readonly run_id: string | null;
  readonly state: RunState | null;
}

interface FileRunRow {
  readonly run_id: string;
  readonly state: RunState;
  readonly output: Output | null;
  readonly error: RunError | null;
  readonly attempts: number;
  readonly starts: number;
  readonly instance: string | null;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
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

const findExecution = {
  name: 'find_execution',
  text: `
select e.id, o.name as organisation, e.organisation_id, e.deployment_id, d.api_name, d.workflow_id, e.tags, e.include_metadata,
       e.include_metrics, e.include_extracted_text, e.acknowledged_at, e.created_at,
       r.state, r.started_at, r.finished_at, r.error, r.input -> 'files' as files
  from executions e
  join runs r on r.id = e.id and r.id between $2::uuid and $3::uuid
  join deployments d on d.id = e.deployment_id
  join organisations o on o.id = e.organisation_id
 where e.id = $1::uuid`,
};

/** $1 run ids, $2..$3 family range. */
const findFileRuns = {
  name: 'find_file_runs',
  text: `
select r.id as run_id, r.state, r.output, r.error, r.attempts, r.starts, s.instance, r.started_at, r.finished_at
  from runs r
  left join lateral (select instance from sessions where sessions.id = r.session_id) s on true
 where r.id = any($1::uuid[]) and r.id between $2::uuid and $3::uuid`,
};

export interface Outcomes {
  /** The execution, or null when there is none of that id. */
  find(executionId: string): Promise<StoredExecution | null>;
  files(execution: StoredExecution): Promise<StoredFile[]>;
  /** Results in the order of the request, as far as files have ended. */
  results(execution: StoredExecution, flags: ResultFlags): Promise<FileResult[]>;
  /** Marks a terminal result as read. False when it was read before. */
  acknowledge(executionId: string): Promise<boolean>;
}

export function createOutcomes(database: Database, store: FileStore): Outcomes {
  async function files({ id, files }: StoredExecution): Promise<StoredFile[]> {
    const runIds = new Map(files.map(({ sha256 }) => [sha256, childRunId(id, sha256)]));
    const { from, to } = familyRange([id]);
    const rows = await database.hot<FileRunRow>(findFileRuns, [[...runIds.values()].sort(), from, to]);
    const byId = new Map(rows.map((row) => [row.run_id, row]));
    return files.map((file) => ({ ...file, ...(byId.get(runIds.get(file.sha256)!) ?? NO_RUN) }));
  }

  return {
    async find(executionId) {
      const { from, to } = familyRange([executionId]);
      const [row] = await database.hot<StoredExecution>(findExecution, [executionId, from, to]);
      return row ?? null;
    },
    files,
    async results(execution, flags) {
      const stored = await files(execution);
      return await Promise.all(stored.map((file) => resultOf(store, execution, file, flags)));
    },
    async acknowledge(executionId) {
      const rows = await database.query(
        'update executions set acknowledged_at = now() where id = $1 and acknowledged_at is null returning id',
        [executionId],
      );
      return rows.length === 1;
    },
  };
}

/** The public status of a stored execution. */
export function statusOf(execution: StoredExecution): ExecutionStatus {
  return executionStatusOf({ state: execution.state, everClaimed: execution.started_at !== null });
}

/** True once the execution will never change again. */
export function hasEnded(execution: StoredExecution): boolean {
  return isTerminal(execution.state);
}

interface FileOutput {
  output: JsonValue;
  extracted_text?: string;
  /** What is missing or wrong in the output, one sentence each. */
  problems?: JsonValue;
  document?: JsonValue;
  elapsed_ms?: number;
}

async function resultOf(
  store: FileStore,
  execution: StoredExecution,
  file: StoredFile,
  flags: ResultFlags,
): Promise<FileResult> {
  // A file that failed may still have told what was found in it.
  const read = await readFileOutput(store, file.output);
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
          },
        }
      : {}),
    ...(flags.includeMetrics
      ? {
          metrics: {
            reading_ms: read.elapsed_ms ?? null,
            total_ms: elapsedMs(file),
            attempts: file.attempts + 1,
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
