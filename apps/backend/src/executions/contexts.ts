import { pipelineTasks, type ExecutionContext } from '@longshore/contracts';
import type { Database, Statement } from '../store/database.ts';

/** What all runs of an execution share. It never changes, so it is read once per backend. */
export interface ExecutionContexts {
  of(executionIds: readonly string[]): Promise<ExecutionContext[]>;
  remember(context: ExecutionContext): void;
  /** To be called where it is known without a look that it has none. */
  rememberNone(executionId: string): void;
}

const PLANS: ReadonlySet<string> = new Set([pipelineTasks.plan, pipelineTasks.planPipeline]);

/** Whether a root of this task has a context. One that plans nothing of ours was submitted as a task, and nobody needs to look. */
export function isPlanning(task: string): boolean {
  return PLANS.has(task);
}

const contextsById: Statement = {
  name: 'contexts_by_id',
  text: `
select id as execution_id, workflow_version_id, include_extracted_text, custom_data, tags
  from executions where id = any($1::uuid[])`,
};

/** In each of two generations: a map that loses its oldest entry at each turn is walked through again and again. */
const MAX_REMEMBERED = 2_500;

export function createExecutionContexts(database: Database): ExecutionContexts {
  let known = new Map<string, ExecutionContext | null>();
  let before = known;
  const recall = (id: string) => (known.has(id) ? known.get(id) : before.get(id));

  function remember(id: string, context: ExecutionContext | null): void {
    if (known.size >= MAX_REMEMBERED) [before, known] = [known, new Map()];
    known.set(id, context);
  }

  async function read(ids: readonly string[]): Promise<ExecutionContext[]> {
    const rows = await database.hot<ExecutionContext>(contextsById, [ids]);
    const found = new Map(rows.map((row) => [row.execution_id, row]));
    for (const id of ids) remember(id, found.get(id) ?? null);
    return rows;
  }

  return {
    async of(executionIds) {
      const unknown = executionIds.filter((id) => recall(id) === undefined);
      const remembered = executionIds.flatMap((id) => recall(id) ?? []);
      return unknown.length === 0 ? remembered : [...remembered, ...(await read(unknown))];
    },
    remember: (context) => remember(context.execution_id, context),
    rememberNone: (executionId) => remember(executionId, null),
  };
}
