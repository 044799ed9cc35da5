import { ApiError, isTerminal, routes } from '@longshore/contracts';
import { explainError } from '../output/explain-error.ts';
import type { PlatformClient } from './platform-client.ts';
import { findRun } from './runs.ts';

/** What became of the wish to stop a run. */
export interface RunOutcome {
  readonly run_id: string;
  /** The execution or task that was stopped, or would have been; null when there is no such run. */
  readonly of: string | null;
  readonly kind: 'execution' | 'task' | null;
  /** Null: nothing was stopped. */
  readonly status: 'STOPPED' | 'cancelled' | null;
  readonly error: string | null;
}

/** Stops the execution or task that a run is a part of. Refusals are told in the outcome; a platform out of reach is thrown. */
export async function cancelRun(client: PlatformClient, id: string): Promise<RunOutcome> {
  const refused = (error: string, of: string | null = null): RunOutcome => ({
    ...{ run_id: id, of, kind: null, status: null, error },
  });
  const found = await findRun(client, id);
  if (found === null) return refused('There is no such run.');
  const { run, root } = found;
  // Whoever means a part that is over does not mean all that goes on.
  if (root !== id && isTerminal(run.state))
    return refused(`It has ended as ${run.state}. To stop all that it is a part of, name ${root}.`, root);
  try {
    return { run_id: id, of: root, error: null, ...(await cancelRoot(client, root)) };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return refused(explainError(error), root);
  }
}

async function cancelRoot(
  client: PlatformClient,
  root: string,
): Promise<Pick<RunOutcome, 'kind' | 'status'>> {
  try {
    const { status } = await client.call(routes.cancelExecution, { params: { id: root } });
    return { kind: 'execution', status };
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    const { status } = await client.call(routes.cancelTask, { params: { id: root } });
    return { kind: 'task', status };
  }
}

/** One refusal is no reason to leave the others running. */
export function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && [400, 404, 409].includes(error.status);
}
