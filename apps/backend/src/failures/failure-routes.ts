import { apiError, routes } from '@longshore/contracts';
import { handle, type MountedRoute } from '../http/server.ts';
import { maySee, visibleOrganisations } from '../native/visible-organisations.ts';
import type { Caller } from '../http/auth.ts';
import type { Database } from '../store/database.ts';
import { readExecutionLogs } from './execution-logs.ts';
import { failuresByCause } from './failure-causes.ts';

/** What failed, by cause, and what runs said. */
export function failureRoutes({ database }: { database: Database }): MountedRoute[] {
  return [
    handle(routes.listFailures, async ({ query, caller }) => {
      const { organisation, api_name: apiName, task, since, until, limit } = query;
      const organisationIds = (await visibleOrganisations(database, caller, organisation)).map(
        ({ id }) => id,
      );
      return await failuresByCause(database, { organisationIds, apiName, task, since, until }, limit);
    }),
    handle(routes.executionLogs, async ({ params, query, caller }) => {
      await requireVisible(database, params.id, caller);
      return await readExecutionLogs(database, params.id, query);
    }),
  ];
}

/** @throws ApiError 404 for an execution of another organisation too: nobody learns that it exists. */
export async function requireVisible(database: Database, executionId: string, caller: Caller): Promise<void> {
  const [execution] = await database.query<{ organisation_id: string }>(
    'select organisation_id from executions where id = $1',
    [executionId],
  );
  if (execution === undefined || !maySee(caller, execution.organisation_id))
    throw apiError('not_found', 'No such execution');
}
