import type { Output, RunError, RunState } from '@longshore/contracts';
import { createBatcher } from '@longshore/runtime';
import type { DeploymentKind } from '../deployments/deployments.ts';
import type { Database } from '../store/database.ts';
import { familyRange } from '../store/family-ids.ts';

/** An execution as stored, with the run that it is. */
export interface StoredExecution {
  readonly id: string;
  readonly organisation: string;
  readonly organisation_id: string;
  readonly deployment_id: string;
  readonly workflow_version_id: string;
  readonly kind: DeploymentKind;
  readonly api_name: string;
  readonly workflow_id: string;
  readonly tags: string[];
  readonly include_metadata: boolean;
  readonly include_metrics: boolean;
  readonly include_extracted_text: boolean;
  readonly acknowledged_at: Date | null;
  /** When its results were removed, because they were kept long enough. */
  readonly results_removed_at: Date | null;
  /** The execution that it runs again. */
  readonly replay_of: string | null;
  readonly created_at: Date;
  readonly state: RunState;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
  readonly error: RunError | null;
  /** In the order of the request; of a pipeline as far as its source was read. */
  readonly files: readonly RequestedFile[];
}

export interface RequestedFile {
  readonly file_id: string;
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  /** Of its run, where that is not the hash of the content alone. */
  readonly key?: string;
  /** Why its bytes could not be had. */
  readonly problem?: string | null;
  /** The run whose result was taken for it, if one was. */
  readonly reused_from?: string;
}

/** The run that read a file. */
export interface FileRunRow {
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

/** $1 execution ids, $2..$3 family range. */
const findExecutions = {
  name: 'find_executions',
  text: `
select e.id, o.name as organisation, e.organisation_id, e.deployment_id, e.workflow_version_id, d.kind, d.api_name, d.workflow_id, e.tags, e.include_metadata,
       e.include_metrics, e.include_extracted_text, e.acknowledged_at, x.results_removed_at, e.replay_of, e.created_at,
       r.state, r.started_at, r.finished_at, r.error,
       case when d.kind = 'api' then r.input -> 'files' else coalesce(t.files, '[]') end as files
  from executions e
  join runs r on r.id = e.id and r.id between $2::uuid and $3::uuid
  join deployments d on d.id = e.deployment_id
  join organisations o on o.id = e.organisation_id
  left join lateral (
    select jsonb_agg(jsonb_build_object('file_id', f.id, 'name', f.name, 'size', f.size, 'sha256', f.sha256, 'key', f.id,
                                        'problem', f.problem) order by f.ordinal) as files
      from files f where f.execution_id = e.id and d.kind = 'pipeline') t on true
  left join lateral (select results_removed_at from ended_executions where ended_executions.id = e.id) x on true
 where e.id = any($1::uuid[])`,
};

/** $1 run ids, $2..$3 family range, $4 whether texts are wanted: they are most of an output, and rarely asked for. */
const findFileRuns = {
  name: 'find_file_runs',
  text: `
select r.id as run_id, r.state, case when $4 then r.output else r.output #- '{inline,extracted_text}' end as output, r.error, r.attempts, r.starts, s.instance, r.started_at, r.finished_at
  from runs r
  left join lateral (select instance from sessions where sessions.id = r.session_id) s on true
 where r.id = any($1::uuid[]) and r.id between $2::uuid and $3::uuid`,
};

const acknowledgeExecutions = {
  name: 'acknowledge_executions',
  text: `update executions set acknowledged_at = now() where id = any($1::uuid[]) and acknowledged_at is null returning id`,
};

/** Executions in one statement at most; of those whose outputs are read too, fewer: they lie in memory together. */
const MOST_TOGETHER = 100;
const MOST_RESULTS_TOGETHER = 4;

/** What is read and marked of executions and their files. Requests that are answered at the same moment read together. */
export function createOutcomeReads(database: Database) {
  const batcher = <Item, Answer>(send: (items: readonly Item[]) => Promise<Answer[]>, maxItems: number) =>
    createBatcher<Item, Answer>({ send, maxItems, maxBytes: Infinity, sizeOf: () => 0 });
  const fileRuns = (includeText: boolean) =>
    batcher<readonly string[], Map<string, FileRunRow>>(
      (asked) => readFileRuns(database, asked, includeText),
      MOST_RESULTS_TOGETHER,
    );
  const [withTexts, withoutTexts] = [fileRuns(true), fileRuns(false)];
  return {
    /** By id; null when there is none. */
    executions: batcher<string, StoredExecution | null>(
      (ids) => readExecutions(database, ids),
      MOST_TOGETHER,
    ),
    /** By run id, with or without the texts of the files. */
    fileRuns: (includeText: boolean) => (includeText ? withTexts : withoutTexts),
    /** Marks a result as read; false when it was before. */
    acknowledgements: batcher<string, boolean>((ids) => acknowledge(database, ids), MOST_TOGETHER),
  };
}

async function readExecutions(
  database: Database,
  ids: readonly string[],
): Promise<(StoredExecution | null)[]> {
  const sorted = [...new Set(ids)].sort();
  const { from, to } = familyRange(sorted);
  const rows = await database.hot<StoredExecution>(findExecutions, [sorted, from, to]);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => byId.get(id) ?? null);
}

async function readFileRuns(
  database: Database,
  asked: readonly (readonly string[])[],
  includeText: boolean,
): Promise<Map<string, FileRunRow>[]> {
  const ids = asked.flat().sort();
  const { from, to } = familyRange(ids);
  const rows = await database.hot<FileRunRow>(findFileRuns, [ids, from, to, includeText]);
  const byId = new Map(rows.map((row) => [row.run_id, row]));
  return asked.map(() => byId);
}

/** Of two readers of one execution only the first is told that it was. */
async function acknowledge(database: Database, ids: readonly string[]): Promise<boolean[]> {
  const rows = await database.hot<{ id: string }>(acknowledgeExecutions, [[...new Set(ids)].sort()]);
  const fresh = new Set(rows.map((row) => row.id));
  return ids.map((id) => fresh.delete(id));
}
