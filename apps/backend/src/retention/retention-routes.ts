import { apiError, routes, type OrganisationRetention, type Retention } from '@longshore/contracts';
import type { Caller } from '../http/auth.ts';
import { handle, type MountedRoute } from '../http/server.ts';
import type { Database } from '../store/database.ts';
import { findDeletion, requestDeletion } from './deletions.ts';
import { deleteExecution } from './execution-deletion.ts';
import type { RetentionSettings } from './policy.ts';

export interface RetentionRoutesDependencies {
  readonly database: Database;
  readonly settings: RetentionSettings;
}

/** Deletion on request, and how long the data of an organisation are kept. */
export function retentionRoutes({ database, settings }: RetentionRoutesDependencies): MountedRoute[] {
  return [
    handle(routes.deleteExecution, async ({ params, caller }) =>
      deleteExecution(database, params.id, restrictionOf(caller)),
    ),
    handle(routes.deleteOrganisation, async ({ params, query, response }) => {
      if (query.confirm !== params.name) {
        throw apiError('invalid', `This deletes everything: say so with ?confirm=${params.name}`, 'confirm');
      }
      const deletion = await requestDeletion(database, params.name);
      response.status(202);
      return deletion;
    }),
    handle(routes.deletion, async ({ params }) => findDeletion(database, params.id)),
    handle(routes.organisationRetention, async ({ params }) =>
      view(params.name, await readOwn(database, params.name), settings),
    ),
    handle(routes.setOrganisationRetention, async ({ params, body }) => {
      const stated = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
      await database.query('update organisations set retention = $2 where name = $1', [
        params.name,
        JSON.stringify(stated),
      ]);
      return view(params.name, await readOwn(database, params.name), settings);
    }),
  ];
}

/** The only organisation that the caller reaches; null: all. */
function restrictionOf(caller: Caller): string | null {
  if (caller.kind !== 'key') throw apiError('permission_denied', 'This route needs a key');
  return caller.key.kind === 'admin' ? null : caller.key.organisationId;
}

async function readOwn(database: Database, name: string): Promise<Retention> {
  const [row] = await database.query<{ retention: Partial<Retention> }>(
    'select retention from organisations where name = $1',
    [name],
  );
  if (row === undefined) throw apiError('not_found', `There is no organisation "${name}"`, 'name');
  const { uploads_hours = null, results_days = null, logs_days = null, history_days = null } = row.retention;
  return { uploads_hours, results_days, logs_days, history_days };
}

function view(organisation: string, own: Retention, settings: RetentionSettings): OrganisationRetention {
  return {
    organisation,
    own,
    effective: {
      uploads_hours: own.uploads_hours ?? settings.retainUploadsHours,
      results_days: own.results_days ?? settings.retainResultsDays,
      logs_days: own.logs_days ?? settings.retainLogsDays,
      history_days: own.history_days ?? settings.retainHistoryDays,
    },
  };
}
