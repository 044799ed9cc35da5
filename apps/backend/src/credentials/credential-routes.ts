import {
  apiError,
  credentialIssues,
  routes,
  validationError,
  type ChangeCredentialRequest,
  type CreateCredentialRequest,
} from '@longshore/contracts';
import type { Act } from '../audit/request-audit.ts';
import type { Caller } from '../http/auth.ts';
import { handle, type MountedRoute } from '../http/server.ts';
import { oneOrganisation, visibleOrganisations } from '../native/visible-organisations.ts';
import type { Sealing } from '../sealing/sealing.ts';
import type { Database, SqlClient } from '../store/database.ts';
import { credentialOfRun } from './credential-of-run.ts';
import {
  holdCredentials,
  insertCredential,
  listCredentials,
  pipelinesNaming,
  readCredential,
  unknownCredential,
  updateCredential,
  type HeldCredential,
} from './stored-credentials.ts';

export interface CredentialRoutesDependencies {
  readonly database: Database;
  readonly sealing: Sealing;
}

/** `/credentials`, and the one credential that a pipeline's run asks for. */
export function credentialRoutes(dependencies: CredentialRoutesDependencies): MountedRoute[] {
  const { database } = dependencies;
  return [
    handle(routes.listCredentials, async ({ query, caller }) => {
      const visible = await visibleOrganisations(database, caller, query.organisation);
      const ids = visible.map(({ id }) => id);
      return await listCredentials(database, ids, query);
    }),
    handle(routes.createCredential, async ({ body, caller, response, act }) => {
      const organisationId = await create(dependencies, body, { caller, act });
      response.status(201);
      return await readCredential(database, organisationId, body.name);
    }),
    handle(routes.credential, async ({ params, query, caller }) => {
      const { id } = await oneOrganisation(database, caller, query.organisation);
      return await readCredential(database, id, params.name);
    }),
    handle(routes.changeCredential, async ({ params, query, body, caller, act }) => {
      const { id } = await oneOrganisation(database, caller, query.organisation);
      await holding(database, { organisationId: id, name: params.name, act }, (client, held) =>
        change(dependencies, client, held, body),
      );
      return await readCredential(database, id, params.name);
    }),
    handle(routes.deleteCredential, async ({ params, query, caller, act }) => {
      const { id } = await oneOrganisation(database, caller, query.organisation);
      await holding(database, { organisationId: id, name: params.name, act }, async (client, held) => {
        refuseNamed(await pipelinesNaming(client, held.id));
        await client.query('delete from credentials where id = $1', [held.id]);
      });
      return { status: 'ok' as const };
    }),
    handle(routes.runCredential, ({ params, caller }) => credentialOfRun(dependencies, params, caller)),
  ];
}

async function create(
  { database, sealing }: CredentialRoutesDependencies,
  { organisation, name, ...given }: CreateCredentialRequest,
  { caller, act }: { caller: Caller; act: Act },
): Promise<string> {
  const { id: organisationId } = await oneOrganisation(database, caller, organisation);
  await database.transaction(async (client) => {
    await lockOrganisation(client, organisationId);
    const form = { ...given, description: given.description ?? null };
    await insertCredential(client, sealing, { organisationId, name, ...form });
    await act.record(client, { target: name, organisationId, detail: { type: given.type } });
  });
  return organisationId;
}

async function change(
  { sealing }: CredentialRoutesDependencies,
  client: SqlClient,
  { id, type, description }: HeldCredential,
  changes: ChangeCredentialRequest,
): Promise<void> {
  const issues = changes.values === undefined ? [] : credentialIssues(type, changes.values);
  if (issues.length > 0) throw validationError(issues);
  await updateCredential(client, sealing, {
    ...{ id, type, values: changes.values ?? null },
    description: changes.description === undefined ? description : changes.description,
  });
}

/** Changes a credential that nobody else changes, and that no pipeline begins to name meanwhile. @throws ApiError 404 */
async function holding(
  database: Database,
  { organisationId, name, act }: { organisationId: string; name: string; act: Act },
  work: (client: SqlClient, held: HeldCredential) => Promise<unknown>,
): Promise<void> {
  await database.transaction(async (client) => {
    await lockOrganisation(client, organisationId);
    const held = (await holdCredentials(client, organisationId)).find((each) => each.name === name);
    if (held === undefined) throw unknownCredential(name);
    await work(client, held);
    await act.record(client, { target: name, organisationId, detail: { type: held.type } });
  });
}

/** As applying documents does: a pipeline names no credential that goes in the same moment. */
async function lockOrganisation(client: SqlClient, organisationId: string): Promise<void> {
  await client.query('select 1 from organisations where id = $1 for update', [organisationId]);
}

/** @throws ApiError 409 while a pipeline names it */
function refuseNamed(pipelines: readonly string[]): void {
  if (pipelines.length === 0) return;
  const which = pipelines.slice(0, 5).join(', ') + (pipelines.length > 5 ? ', …' : '');
  const what = pipelines.length === 1 ? 'the pipeline' : 'the pipelines';
  throw apiError('conflict', `It is named by ${what} ${which}`);
}
