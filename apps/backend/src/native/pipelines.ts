import { routes, type JsonValue, type PipelineView } from '@longshore/contracts';
import { z } from 'zod';
import { handle, type MountedRoute } from '../http/server.ts';
import type { Database } from '../store/database.ts';
import { deploymentsWithVersion } from './deployments.ts';
import { decodeCursor, pageOf } from './paging.ts';
import { visibleOrganisations } from './visible-organisations.ts';

type PipelineRow = Omit<PipelineView, 'created_at' | 'address' | 'source' | 'destination'> & {
  readonly created_at: Date;
  readonly source: JsonValue;
  readonly destination: JsonValue;
};

const pipelineRows = `
select d.id, o.name as organisation, d.api_name as pipeline_id, w.name as workflow, v.version as workflow_version, d.active,
       d.source, d.destination, d.created_at
${deploymentsWithVersion}`;

/** Pipelines, listed. They are made by `apply`. */
export function pipelineListRoutes({ database }: { database: Database }): MountedRoute[] {
  return [
    handle(routes.listPipelines, async ({ query, caller }) => {
      const visible = await visibleOrganisations(database, caller, query.organisation);
      const after = decodeCursor(query.cursor, z.tuple([z.string(), z.string()]));
      const rows = await database.query<PipelineRow>(
        `${pipelineRows} where d.kind = 'pipeline' and d.organisation_id = any($1::uuid[])
            and ($2::text is null or (o.name, d.api_name) > ($2, $3))
          order by o.name, d.api_name limit $4`,
        [visible.map(({ id }) => id), after?.[0] ?? null, after?.[1] ?? null, query.limit + 1],
      );
      const { items, next_cursor } = pageOf(rows, query.limit, (row) => [row.organisation, row.pipeline_id]);
      return { pipelines: items.map(shown), next_cursor };
    }),
  ];
}

function shown(row: PipelineRow): PipelineView {
  return {
    ...row,
    source: kindOf(row.source),
    destination: kindOf(row.destination),
    created_at: row.created_at.toISOString(),
    address: `/deployment/pipeline/api/${row.organisation}/${row.pipeline_id}`,
  };
}

/** A place stands under the one key that is its kind; what else is known of it may be secret, such as what an address ends with. */
function kindOf(place: JsonValue): string {
  return typeof place === 'string' ? place : (Object.keys(place ?? {})[0] ?? 'none');
}
