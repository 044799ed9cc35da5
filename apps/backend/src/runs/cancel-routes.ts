import { apiError, routes } from '@longshore/contracts';
import type { Caller } from '../http/auth.ts';
import { handle, type MountedRoute } from '../http/server.ts';
import type { Database } from '../store/database.ts';
import type { CancelRun } from './cancel.ts';

export interface CancelRoutesDependencies {
  readonly database: Database;
  readonly cancel: CancelRun;
}

/** `POST /api/v1/executions/{id}/cancel`. */
export function cancelRoutes({ database, cancel }: CancelRoutesDependencies): MountedRoute[] {
  return [
    handle(routes.cancelExecution, async ({ params: { id }, caller }) => {
      await requireOwn(database, id, caller);
      const cancelled = await cancel(id);
      if (cancelled === null) throw apiError('not_found', 'No such execution');
      if (cancelled.state !== 'cancelled') {
        const how = cancelled.state === 'succeeded' ? 'COMPLETED' : 'ERROR';
        throw apiError('conflict', `The execution has ended as ${how} and can no longer be cancelled`);
      }
      return { execution_id: id, status: 'STOPPED' as const };
    }),
  ];
}

/** @throws ApiError 404 for an execution of another organisation too: nobody learns that it exists. */
async function requireOwn(database: Database, executionId: string, caller: Caller): Promise<void> {
  const [execution] = await database.query<{ organisation_id: string }>(
    'select organisation_id from executions where id = $1',
    [executionId],
  );
  if (execution === undefined || !mayCancel(caller, execution.organisation_id))
    throw apiError('not_found', 'No such execution');
}

function mayCancel(caller: Caller, organisationId: string): boolean {
  if (caller.kind !== 'key') return false;
  return caller.key.kind === 'admin' || caller.key.organisationId === organisationId;
}
