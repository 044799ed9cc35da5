import pg from 'pg';

/** Finished executions in one statement. */
const AT_ONCE = 100_000;

/**
 * Fills the database with finished executions of one file each, spread over the last 90 days, as the platform would have left them
 * (without results). Every 20th failed; every 10th is tagged.
 */
export async function insertHistory(databaseUrl: string, executions: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    for (let from = 0; from < executions; from += AT_ONCE)
      await client.query(insertFinished, [from, Math.min(executions, from + AT_ONCE) - 1]);
    await client.query('analyze');
  } finally {
    await client.end();
  }
}

const insertFinished = `
with made as (
  select n, uuid_v7() as id, uuid_v7() as file_id, now() - (random() * 90) * interval '1 day' as at,
         case when n % 20 = 0 then 'failed' else 'succeeded' end as state
    from generate_series($1::int, $2::int) n
), target as (
  select d.id as deployment_id, d.organisation_id, v.id as version_id
    from deployments d join workflow_versions v on v.workflow_id = d.workflow_id limit 1
), accepted as (
  insert into executions (id, organisation_id, deployment_id, workflow_version_id, tags, include_metadata, include_metrics,
                          include_extracted_text, created_at, ending)
  select m.id, t.organisation_id, t.deployment_id, t.version_id, case when m.n % 10 = 0 then array['monthly'] else '{}' end,
         false, false, false, m.at, m.state
    from made m, target t
), stored as (
  insert into files (id, execution_id, organisation_id, ordinal, name, size, sha256, object, byte_offset)
  select m.file_id, m.id, t.organisation_id, 0, 'invoice-' || m.n || '.txt', 100, md5(m.n::text), 'uploads/' || m.id, 0
    from made m, target t
)
insert into runs (id, organisation_id, root_id, task, queue, input, max_attempts, soft_limit_ms, hard_limit_ms, created_at,
                  state, epoch, starts, started_at, finished_at, ends)
select m.id, t.organisation_id, m.id, 'execution.plan', 'api_deployments',
       jsonb_build_object('files', jsonb_build_array(jsonb_build_object('file_id', m.file_id, 'name', 'invoice-' || m.n || '.txt',
                                                                        'size', 100, 'sha256', md5(m.n::text)))),
       3, 1000, 1000, m.at, m.state, 1, 1, m.at, m.at, '{}'
  from made m, target t`;
