import { MOST_FAILURES_LOOKED_AT, type FailureCause, type FailureList } from '@longshore/contracts';
import type { Database } from '../store/database.ts';

/** Which failures are meant. Conditions that are undefined hold for all. */
export interface FailureFilter {
  readonly organisationIds: readonly string[];
  readonly cause?: string | undefined;
  readonly apiName?: string | undefined;
  readonly task?: string | undefined;
  /** Failed at this moment or later. */
  readonly since?: string | undefined;
  /** Failed before this moment. */
  readonly until?: string | undefined;
}

/**
 * The failures that are meant, as `of_filter`, of them the latest {@link MOST_FAILURES_LOOKED_AT}: what it costs does not
 * grow with what is stored. Each organisation is a walk along an index. `looked_at` says how many rows that were.
 *
 * $1 organisations, $2 since, $3 until, $4 cause, $5 task, $6 api name.
 */
export const failuresOfFilter = `
recent as (
  select f.* from unnest($1::uuid[]) as o (id)
   cross join lateral (
     select * from failures w
      where w.organisation_id = o.id and w.at >= coalesce($2::timestamptz, '-infinity') and w.at < coalesce($3::timestamptz, 'infinity')
        and ($4::text is null or w.cause = $4)
      order by w.at desc, w.run_id desc limit ${MOST_FAILURES_LOOKED_AT + 1}) f
   order by f.at desc, f.run_id desc limit ${MOST_FAILURES_LOOKED_AT + 1}
), of_filter as (
  select r.* from recent r
   where ($5::text is null or r.task = $5)
     and ($6::text is null or r.deployment_id in (
           select d.id from deployments d where d.organisation_id = any($1::uuid[]) and d.api_name = $6))
)`;

/** The values of {@link failuresOfFilter}. */
export function filterValues({ organisationIds, since, until, cause, task, apiName }: FailureFilter) {
  return [organisationIds, since ?? null, until ?? null, cause ?? null, task ?? null, apiName ?? null];
}

interface CauseRow extends Omit<FailureCause, 'first_at' | 'last_at' | 'example' | 'cause'> {
  /** Null in the only row of an answer without causes. */
  cause: string | null;
  first_at: Date;
  last_at: Date;
  run_id: string;
  execution_id: string;
  example_message: string | null;
  causes: number | null;
  looked_at: number;
}

/** The causes of failures with how often each was met, the most frequent first. */
export async function failuresByCause(
  database: Database,
  filter: FailureFilter,
  limit: number,
): Promise<FailureList> {
  const rows = await database.query<CauseRow & Record<string, unknown>>(
    `with ${failuresOfFilter}, causes as (
       select organisation_id, cause, min(task) as task, min(code) as code, min(message) as message, count(*)::int as count,
              min(at) as first_at, max(at) as last_at, (array_agg(run_id order by at desc, run_id desc))[1] as run_id,
              count(*) over ()::int as causes
         from of_filter group by organisation_id, cause
        order by count(*) desc, max(at) desc, cause, organisation_id limit $7
     )
     select c.cause, o.name as organisation, c.task, c.code, c.message, c.count, c.first_at, c.last_at, c.run_id, c.causes,
            f.root_id as execution_id, r.error ->> 'message' as example_message, n.looked_at
       from (select count(*)::int as looked_at from recent) n
       left join causes c on true
       left join organisations o on o.id = c.organisation_id
       left join failures f on f.run_id = c.run_id
       left join lateral (select error from runs where runs.id = c.run_id offset 0) r on true
      order by c.count desc, c.last_at desc, c.cause, o.name`,
    [...filterValues(filter), limit],
  );
  return {
    failures: rows.flatMap(causeOf),
    causes: rows[0]?.causes ?? 0,
    complete: (rows[0]?.looked_at ?? 0) <= MOST_FAILURES_LOOKED_AT,
  };
}

function causeOf(row: CauseRow): FailureCause[] {
  const { cause, organisation, task, code, message, count, execution_id, run_id } = row;
  if (cause === null) return [];
  const told = {
    ...{ cause, organisation, task, code, message, count },
    first_at: row.first_at.toISOString(),
    last_at: row.last_at.toISOString(),
    example: { execution_id, run_id, message: row.example_message },
  };
  return [told];
}
