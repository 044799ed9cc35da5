import { routes } from '@longshore/contracts';
import { handle, type MountedRoute } from '../http/server.ts';
import { requireVisible } from '../failures/failure-routes.ts';
import { maySee, oneOrganisation, visibleOrganisations } from '../native/visible-organisations.ts';
import type { Database } from '../store/database.ts';
import type { Replay } from './replay-execution.ts';
import { beginReplay, cancelReplay, listReplays, readReplay } from './replays.ts';

export interface ReplayRoutesDependencies {
  readonly database: Database;
  readonly replay: Replay;
}

/** Executions run again: one, or many one after the other. */
export function replayRoutes({ database, replay }: ReplayRoutesDependencies): MountedRoute[] {
  return [
    handle(routes.replayExecution, async ({ params: { id }, body, caller, response }) => {
      await requireVisible(database, id, caller);
      const { only_failed: onlyFailed, custom_data: customData } = body;
      const made = await replay({ executionId: id, onlyFailed, customData, item: null });
      response.status(201);
      return { execution_id: made, replay_of: id, status: 'PENDING' as const };
    }),
    handle(routes.replayMany, async ({ body: request, caller, response, act }) => {
      const { id: organisationId } = await oneOrganisation(database, caller, request.organisation);
      const { custom_data: _data, ...detail } = request;
      const begun = await beginReplay(
        database,
        { kind: 'executions', request, organisationId },
        (client, begun) =>
          act.record(client, { target: begun ?? 'nothing was begun', organisationId, detail }),
      );
      response.status(begun.replay === null ? 200 : 202);
      return begun;
    }),
    handle(routes.listReplays, async ({ query, caller }) => {
      const visible = await visibleOrganisations(database, caller, query.organisation);
      return await listReplays(
        database,
        visible.map(({ id }) => id),
        query,
      );
    }),
    handle(routes.replay, async ({ params, caller }) =>
      readReplay(database, params.id, (organisation) => maySee(caller, organisation)),
    ),
    handle(routes.cancelReplay, async ({ params, caller }) =>
      cancelReplay(database, params.id, (organisation) => maySee(caller, organisation)),
    ),
  ];
}
