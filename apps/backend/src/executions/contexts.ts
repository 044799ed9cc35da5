import type { ExecutionContext } from '@longshore/contracts';
import type { Database } from '../store/database.ts';

/** What all runs of an execution share. It never changes, so it is read once per backend. */
export interface ExecutionContexts {
  of(executionIds: readonly string[]): Promise<ExecutionContext[]>;
  remember(context: ExecutionContext): void;
}

const MAX_REMEMBERED = 5_000;

export function createExecutionContexts(database: Database): ExecutionContexts {
  const known = new Map<string, ExecutionContext | null>();

  function remember(id: string, context: ExecutionContext | null): void {
    known.set(id, context);
    if (known.size > MAX_REMEMBERED) known.delete(known.keys().next().value!);
  }

  async function read(ids: readonly string[]): Promise<void> {
    const rows = await database.query<ExecutionContext>(
      `select id as execution_id, workflow_version_id, include_extracted_text, custom_data, tags
         from executions where id = any($1::uuid[])`,
      [ids],
    );
    const found = new Map(rows.map((row) => [row.execution_id, row]));
    for (const id of ids) remember(id, found.get(id) ?? null);
  }

  return {
    async of(executionIds) {
      const unknown = executionIds.filter((id) => !known.has(id));
      if (unknown.length > 0) await read(unknown);
      return executionIds.flatMap((id) => known.get(id) ?? []);
    },
    remember: (context) => remember(context.execution_id, context),
  };
}
