import { isDeepStrictEqual } from 'node:util';
import { apiError, type Output, type RunState } from '@longshore/contracts';
import type { ExecutionFields } from '../executions/request-fields.ts';
import { takeOver, type ResultRow, type ReusedResult } from '../executions/file-history.ts';
import type { KeyedFile } from '../executions/run-key.ts';
import type { FileStore } from '../files/file-store.ts';
import type { Database } from '../store/database.ts';
import { childRunId, familyRange } from '../store/family-ids.ts';
import type { Replayable } from './replayable.ts';

interface EarlierRun extends Omit<ResultRow, 'output'> {
  readonly state: RunState;
  readonly output: Output | null;
  readonly of_other_rules: boolean;
}

/** $1 run ids, $2..$3 their range. */
const FIND_RUNS = `
select id, state, file_id, output, coalesce(input ->> 'reused_from', id::text) as origin, task, queue, max_attempts,
       soft_limit_ms::float8, hard_limit_ms::float8, input ? 'of_other_rules' as of_other_rules
  from runs where id = any($1::uuid[]) and id between $2::uuid and $3::uuid`;

export interface TakenResultsQuestion {
  readonly old: Replayable;
  /** The new execution with its files, in the order of the old ones. */
  readonly id: string;
  readonly files: readonly KeyedFile[];
  readonly fields: Pick<ExecutionFields, 'customData'>;
}

/**
 * The results of the files that succeeded, copied under the new execution. What was computed under another version of the workflow or
 * with other data says so: later requests must not take it for a result of what the new execution states.
 *
 * @throws ApiError 409 when every file succeeded: there is nothing to run.
 */
export async function takeSucceeded(
  database: Database,
  store: FileStore,
  { old, id, files, fields }: TakenResultsQuestion,
): Promise<ReusedResult[]> {
  const runs = await earlierRuns(database, old);
  if (runs.every(isSuccess)) throw apiError('conflict', 'No file of this execution failed');
  const changed =
    old.workflowVersionId !== old.deployment.workflowVersionId ||
    !isDeepStrictEqual(old.customData, fields.customData);
  const taken = new Map<string, ReusedResult>();
  try {
    for (const [index, file] of files.entries()) {
      const run = runs[index];
      if (!isSuccess(run) || taken.has(file.key)) continue;
      const result = await takeOver(store, id, file, run);
      if (result) taken.set(file.key, { ...result, ofOtherRules: changed || run.of_other_rules });
    }
    return [...taken.values()];
  } catch (error) {
    for (const { object } of taken.values()) await object?.discard();
    throw error;
  }
}

function isSuccess(run: EarlierRun | undefined): run is EarlierRun & { readonly output: Output } {
  return run?.state === 'succeeded' && run.output !== null;
}

/** The run of each file, in the order of the request; undefined for one that got none. */
async function earlierRuns(
  database: Database,
  { id, planned }: Replayable,
): Promise<(EarlierRun | undefined)[]> {
  const ids = planned.map(({ key, sha256 }) => childRunId(id, key ?? sha256));
  const { from, to } = familyRange([id]);
  const rows = await database.query<EarlierRun & Record<string, unknown>>(FIND_RUNS, [ids, from, to]);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.map((each) => byId.get(each));
}
