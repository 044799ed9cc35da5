import {
  apiError,
  routes,
  type CreateOrganisationRequest,
  type JsonValue,
  type Organisation,
  type UpdateOrganisationRequest,
} from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import { z } from 'zod';
import { handle, type MountedRoute } from '../http/server.ts';
import { sqlStateOf, type Database, type SqlClient } from '../store/database.ts';
import { decodeCursor, pageOf } from './paging.ts';
import { oneOrganisation, visibleOrganisations } from './visible-organisations.ts';

const UNIQUE_VIOLATION = '23505';
const COLUMNS = 'id, name, weight, max_parallel_files, created_at';

type OrganisationRow = Omit<Organisation, 'created_at'> & { created_at: Date };

/** Organisations: listed, read, created, changed. */
export function organisationRoutes({ database }: { database: Database }): MountedRoute[] {
  return [
    handle(routes.listOrganisations, async ({ query, caller }) => {
      const after = decodeCursor(query.cursor, z.tuple([z.string()]));
      const visible = await visibleOrganisations(database, caller, undefined);
      const rows = await database.query<OrganisationRow>(
        `select ${COLUMNS} from organisations
          where id = any($1::uuid[]) and ($2::text is null or name > $2) order by name limit $3`,
        [visible.map(({ id }) => id), after?.[0] ?? null, query.limit + 1],
      );
      const { items, next_cursor } = pageOf(rows, query.limit, ({ name }) => [name]);
      return { organisations: items.map(shown), next_cursor };
    }),
    handle(routes.createOrganisation, ({ body, act }) =>
      database.transaction(async (client) => {
        const organisation = await createOrganisation(client, body);
        await act.record(client, { target: organisation.name, organisationId: organisation.id });
        return organisation;
      }),
    ),
    handle(routes.getOrganisation, async ({ params, caller }) => {
      const { id } = await oneOrganisation(database, caller, params.name);
      const rows = await database.query<OrganisationRow>(
        `select ${COLUMNS} from organisations where id = $1`,
        [id],
      );
      return theOne(rows, params.name);
    }),
    handle(routes.updateOrganisation, ({ params, body, act }) =>
      database.transaction(async (client) => {
        const organisation = await updateOrganisation(client, params.name, body);
        const { name: target, id: organisationId } = organisation;
        await act.record(client, {
          target,
          organisationId,
          detail: { ...body } as { [key: string]: JsonValue },
        });
        return organisation;
      }),
    ),
  ];
}

/** @throws ApiError 409 when there is one of that name. */
export async function createOrganisation(
  client: SqlClient,
  { name, weight = 1, max_parallel_files = null }: CreateOrganisationRequest,
): Promise<Organisation> {
  try {
    const { rows } = await client.query<OrganisationRow>(
      `insert into organisations (id, name, weight, max_parallel_files) values ($1, $2, $3, $4) returning ${COLUMNS}`,
      [uuidV7(), name, weight, max_parallel_files],
    );
    return theOne(rows, name);
  } catch (error) {
    if (sqlStateOf(error) === UNIQUE_VIOLATION)
      throw apiError('conflict', `There is an organisation "${name}" already`, 'name');
    throw error;
  }
}

async function updateOrganisation(
  client: SqlClient,
  name: string,
  { weight, max_parallel_files }: UpdateOrganisationRequest,
): Promise<Organisation> {
  const { rows } = await client.query<OrganisationRow>(
    `update organisations
        set weight = coalesce($2, weight), max_parallel_files = case when $3 then $4 else max_parallel_files end
      where name = $1 returning ${COLUMNS}`,
    [name, weight ?? null, max_parallel_files !== undefined, max_parallel_files ?? null],
  );
  return theOne(rows, name);
}

function theOne([row]: readonly OrganisationRow[], name: string): Organisation {
  if (row === undefined) throw apiError('not_found', `There is no organisation "${name}"`, 'name');
  return shown(row);
}

function shown(row: OrganisationRow): Organisation {
  return { ...row, created_at: row.created_at.toISOString() };
}
