import { uuidV7 } from '@longshore/runtime';
import type { PlannedChange } from '../deployments/apply-plan.ts';
import type { SqlClient } from '../store/database.ts';

/** Creates or changes a pipeline. Nothing but a pipeline may have its name. */
export async function writePipeline(
  client: SqlClient,
  organisationId: string,
  { change, form }: Extract<PlannedChange, { kind: 'pipeline' }>,
): Promise<void> {
  const { workflow, version = null, description = null, active, settings, source, destination } = form;
  const json = [settings, source, destination].map((value) => JSON.stringify(value));
  await client.query(
    `insert into deployments (id, organisation_id, api_name, kind, workflow_id, version, description, active, settings,
                              source, destination)
     select $1, $2, $3, 'pipeline', w.id, $5, $6, $7, $8, $9, $10
       from workflows w where w.organisation_id = $2 and w.name = $4
     on conflict (organisation_id, api_name) do update
        set (workflow_id, version, description, active, settings, source, destination) =
            (excluded.workflow_id, excluded.version, excluded.description, excluded.active, excluded.settings,
             excluded.source, excluded.destination)
      where deployments.kind = 'pipeline'`,
    [uuidV7(), organisationId, change.name, workflow, version, description, active, ...json],
  );
}
