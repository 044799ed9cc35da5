import { apiError, pipelineTasks, type OpenedCredential } from '@longshore/contracts';
import type { Caller } from '../http/auth.ts';
import { SealingError, type Sealing } from '../sealing/sealing.ts';
import type { CredentialRoutesDependencies } from './credential-routes.ts';
import { openedValues, type HeldCredential } from './stored-credentials.ts';

const TASKS: readonly string[] = [pipelineTasks.planPipeline, pipelineTasks.finishPipeline];

/**
 * Opens a credential for a run of a pipeline: only one that the input of that very run names, of its own organisation, and
 * only while it is running. Whatever else is asked for does not exist.
 */
export async function credentialOfRun(
  { database, sealing }: CredentialRoutesDependencies,
  { id, name }: { id: string; name: string },
  caller: Caller,
): Promise<OpenedCredential> {
  if (caller.kind !== 'run') throw apiError('permission_denied', 'This route needs a run token');
  const { run } = caller;
  if (run.runId !== id) throw apiError('not_found', 'No such run');
  if (!TASKS.includes(run.task)) throw apiError('permission_denied', 'This route is for runs of pipelines');
  const [held] = await database.query<HeldCredential & Record<string, unknown>>(
    `select c.id, c.name, c.type, c.description, c.sealed_values as sealed from credentials c
      where c.organisation_id = $1 and c.name = $2 and exists (
        select 1 from runs r where r.id = $3 and jsonb_path_exists(
          jsonb_build_array(r.input -> 'source', r.input -> 'destination'), '$[*].*.credential ? (@ == $name)',
          jsonb_build_object('name', $2::text)))`,
    [run.organisationId, name, id],
  );
  if (held === undefined)
    throw apiError('not_found', `There is no credential "${name}", or this run does not name it`);
  await database.query(
    `update credentials set last_used_at = now()
      where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')`,
    [held.id],
  );
  return { type: held.type, values: opened(sealing, held) };
}

/** The run fails then with a reason, instead of asking again and again. */
function opened(sealing: Sealing, held: HeldCredential): OpenedCredential['values'] {
  try {
    return openedValues(sealing, held);
  } catch (error) {
    if (!(error instanceof SealingError)) throw error;
    throw apiError(
      'conflict',
      `The credential "${held.name}" cannot be opened by this backend: give its values anew`,
    );
  }
}
