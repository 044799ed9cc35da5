import { ApiError, type ExecutionDetail, routes } from '@longshore/contracts';
import type { PlatformClient } from './platform-client.ts';

/** What is known of an execution: all of it, or with a key that opens one deployment alone what that tells. */
export type Standing = Pick<ExecutionDetail, 'execution_id' | 'status' | 'error' | 'result'> &
  Partial<ExecutionDetail>;

/** What an execution was accepted by. */
export type AcceptedBy =
  | { readonly org: string; readonly api_name: string }
  | { readonly org: string; readonly pipeline_id: string };

export interface ReadOptions {
  /** Whether the results are to hold the texts of the documents. */
  readonly withText?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type ReadExecution = (id: string, options?: ReadOptions) => Promise<Standing>;

/**
 * Reads executions of one deployment or pipeline with whatever key opens it. An organisation's key reads as often as wanted; with a deployment's
 * key an execution that has ended hands its result out once, as the deployment does, and says so in `error` afterwards.
 *
 * @throws ApiError, CliError as the client does
 */
export function createExecutionReader(
  client: Pick<PlatformClient, 'call'>,
  acceptedBy: AcceptedBy,
): ReadExecution {
  let seesAll = true;
  return async (id, { withText = false, signal } = {}) => {
    const flags: Record<string, string> = withText ? { include_extracted_text: 'true' } : {};
    const given = signal === undefined ? {} : { signal };
    if (seesAll) {
      try {
        return await client.call(routes.execution, { params: { id }, query: flags, ...given });
      } catch (error) {
        if (!isOfAnotherKind(error)) throw error;
        seesAll = false;
      }
    }
    const query = { execution_id: id, ...flags };
    const { status, message } = await ('api_name' in acceptedBy
      ? client.call(routes.executionStatus, { params: acceptedBy, query, ...given })
      : client.call(routes.pipelineStatus, { params: acceptedBy, query, ...given }));
    const [result, error] = Array.isArray(message) ? [message, null] : [null, message];
    return { execution_id: id, status, result, error };
  };
}

/** The key is good, but not of a kind that sees all of an execution. */
export function isOfAnotherKind(error: unknown): boolean {
  return error instanceof ApiError && error.status === 403;
}
