import type { Database, SqlClient } from '../store/database.ts';
import { ownHours, type Kind, type RetentionHours } from './policy.ts';

/** What is cleared execution by execution and remembered in a mark; history leaves its rows no mark. */
export type MarkedKind = Exclude<Kind, 'history'>;

/** Executions of one organisation that are due together. */
export interface DueOrganisation {
  readonly organisationId: string;
  readonly hours: number;
}

export interface DueExecution {
  readonly id: string;
  /** As the database writes it: microseconds must survive. */
  readonly endedAt: string;
  readonly runs: number;
}

/** A batch holds at most this many executions, and about this many runs. */
const MAX_EXECUTIONS = 200;
const MAX_RUNS = 4_000;

const LEAST_ID = '00000000-0000-0000-0000-000000000000';

/** SQL: the executions that ended before the period of `p` and have not been cleared up to mark `m`. */
const isDue = `(e.ended_at, e.id) > (coalesce(m.ended_at, '-infinity'), coalesce(m.after_id, '${LEAST_ID}'))
  and e.ended_at < now() - p.hours * interval '1 hour'`;

/** The organisations of which something of this kind is due. Costs one look into an index for each organisation. */
export async function dueOrganisations(
  database: Database,
  kind: MarkedKind,
  defaults: RetentionHours,
): Promise<DueOrganisation[]> {
  return await database.query<DueOrganisation>(
    `select o.id as "organisationId", p.hours
       from organisations o
      cross join lateral (select coalesce(${ownHours(kind)}, $2::int) as hours) p
       left join retention_marks m on m.organisation_id = o.id and m.kind = $1
      where p.hours > 0
        and exists (select 1 from ended_executions e where e.organisation_id = o.id and ${isDue})`,
    [kind, defaults[kind]],
  );
}

/** The next batch of an organisation, the longest ended first. */
export async function dueExecutions(
  client: SqlClient,
  kind: MarkedKind,
  { organisationId, hours }: DueOrganisation,
): Promise<DueExecution[]> {
  const { rows } = await client.query<DueExecution>(
    `select e.id, e.ended_at::text as "endedAt", coalesce(r.children_total, 0) + 2 as runs
       from (select $2::int as hours) p
       left join retention_marks m on m.organisation_id = $1::uuid and m.kind = $3
       join ended_executions e on e.organisation_id = $1::uuid and ${isDue}
       left join lateral (select children_total from runs where runs.id = e.id offset 0) r on true
      order by e.ended_at, e.id limit $4`,
    [organisationId, hours, kind, MAX_EXECUTIONS],
  );
  return withinBudget(rows);
}

/** As many from the front as have about {@link MAX_RUNS} runs together, but one at least. */
export function withinBudget(executions: readonly DueExecution[]): DueExecution[] {
  let runs = 0;
  return executions.filter((execution, index) => {
    runs += execution.runs;
    return index === 0 || runs <= MAX_RUNS;
  });
}

/** Says that everything up to this execution is cleared. */
export async function mark(
  client: SqlClient,
  kind: MarkedKind,
  organisationId: string,
  last: DueExecution,
): Promise<void> {
  await client.query(
    `insert into retention_marks (organisation_id, kind, ended_at, after_id) values ($1, $2, $3, $4)
     on conflict (organisation_id, kind) do update set ended_at = excluded.ended_at, after_id = excluded.after_id`,
    [organisationId, kind, last.endedAt, last.id],
  );
}
