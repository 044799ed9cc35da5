import { isTerminal, pipelineSummarySchema, type Output, type PipelineSummary } from '@longshore/contracts';
import type { StoredExecution } from '../executions/outcome-reads.ts';
import type { FileStore } from '../files/file-store.ts';
import type { Database } from '../store/database.ts';

/**
 * What the execution of a pipeline tells beside the results of its files. Null: it is no pipeline's, has not ended, came
 * to no count, or its results were removed.
 */
export type PipelineSummaries = (
  execution: Pick<StoredExecution, 'id' | 'kind' | 'state'>,
) => Promise<PipelineSummary | null>;

/** Reads summaries from the rows of executions, or from the store where they are long. */
export function createPipelineSummaries(database: Database, store: FileStore): PipelineSummaries {
  return async ({ id, kind, state }) => {
    if (kind !== 'pipeline' || !isTerminal(state)) return null;
    const [row] = await database.query<{ output: Output | null }>('select output from runs where id = $1', [
      id,
    ]);
    const output = row?.output ?? null;
    if (output === null) return null;
    const value = 'inline' in output ? output.inline : await stored(store, output);
    return pipelineSummarySchema.safeParse(value).data ?? null;
  };
}

async function stored(store: FileStore, { ref, size }: Extract<Output, { ref: string }>): Promise<unknown> {
  const [bytes] = await store.readSlices([{ object: ref, offset: 0, size }]);
  return bytes ? JSON.parse(bytes.toString()) : null;
}
