/**
 * Workflows as they were written. `json` keeps the keys of a definition in their order, in which results name their
 * fields (`jsonb` sorts them); nothing looks into a definition in SQL. A version is what executions point to, so it never
 * changes. A deployment may stay with one.
 */
export const workflowVersions = `
alter table workflow_versions alter column definition type json using definition::json;

create function refuse_version_change() returns trigger language plpgsql as $$
begin
  raise exception 'a workflow version never changes: make a new one';
end
$$;
create trigger workflow_version_is_final before update on workflow_versions
  for each row execute function refuse_version_change();

alter table workflows add column description text;
alter table deployments
  add column description text,
  add column version int;
`;
