import { ApiError, type ListRunsQuery, routes, type Run } from '@longshore/contracts';
import type { ItemPage } from './pages.ts';
import type { PlatformClient } from './platform-client.ts';

/** Which runs of an execution or a task are meant. */
export type RunFilter = Pick<ListRunsQuery, 'of'> & { readonly state?: string; readonly task?: string };

const WHOLE_PAGE = '1000';

/** One page of runs, in the order in which they were made. */
export async function readRunPage(
  client: PlatformClient,
  filter: RunFilter,
  page: Readonly<Record<string, string>>,
): Promise<ItemPage<Run>> {
  const { runs, next_cursor } = await client.call(routes.listRuns, { query: { ...filter, ...page } });
  return { items: runs, next_cursor };
}

/** The cursor behind which the runs stand that were made at a moment or later. Null: there is none. Undefined: all of them. */
export async function cursorAt(
  client: PlatformClient,
  filter: RunFilter,
  moment: string,
): Promise<string | null | undefined> {
  const since = Date.parse(moment);
  for (let cursor: string | undefined; ;) {
    const from: Record<string, string> = cursor === undefined ? {} : { cursor };
    const { items, next_cursor } = await readRunPage(client, filter, { ...from, limit: WHOLE_PAGE });
    const first = items.findIndex(({ created_at: at }) => Date.parse(at) >= since);
    if (first === 0) return cursor;
    if (first > 0) return (await readRunPage(client, filter, { ...from, limit: String(first) })).next_cursor;
    if (next_cursor === null) return null;
    cursor = next_cursor;
  }
}

/** A run, and the execution or the task that it is a part of. */
export interface FoundRun {
  readonly run: Run;
  readonly root: string;
}

/** A run by its id. Null: there is none, or it is not to be seen with this key. */
export async function findRun(client: PlatformClient, id: string): Promise<FoundRun | null> {
  const whole = await runOf(client, id, id);
  if (whole !== null) return { run: whole, root: id };
  for (const root of await relatives(client, id)) {
    const run = await runOf(client, root, id);
    if (run !== null) return { run, root };
  }
  return null;
}

async function runOf(client: PlatformClient, of: string, id: string): Promise<Run | null> {
  try {
    for (let cursor: string | undefined; ;) {
      const page = { limit: WHOLE_PAGE, ...(cursor !== undefined && { cursor }) };
      const { items, next_cursor } = await readRunPage(client, { of }, page);
      const found = items.find(({ run_id }) => run_id === id);
      if (found !== undefined || next_cursor === null) return found ?? null;
      cursor = next_cursor;
    }
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

/** "0199a2c4-5b1e": the millisecond, which a run shares with the execution or the task that it belongs to. */
const MILLISECOND = 13;

/** Executions and tasks to which a run of this id may belong: few. */
async function relatives(client: PlatformClient, id: string): Promise<string[]> {
  const q = id.slice(0, MILLISECOND);
  const { executions } = await client.call(routes.listExecutions, { query: { q, limit: WHOLE_PAGE } });
  const { tasks } = await client.call(routes.listTasks, { query: { q, limit: WHOLE_PAGE } });
  const ids = [...executions.map((one) => one.execution_id), ...tasks.map((one) => one.task_id)];
  return ids.filter((one) => one.startsWith(q));
}
