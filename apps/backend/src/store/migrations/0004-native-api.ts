/**
 * What lists of executions are read by.
 *
 * `runs` may have no index on its state (see 0001), so an execution carries how its run ended, written once, when it
 * leaves `live_executions`: whoever ends it, in the same transaction. The trigger is deferred to the commit, so that
 * it sees the end whatever the order of statements. With `ending` before the time, each list is a walk along one
 * index, from the newest on, and stops when its page is full.
 */
export const nativeApi = `
alter table executions add column ending text not null default 'none'
  check (ending in ('none', 'succeeded', 'failed', 'cancelled'));

update executions e set ending = r.state from runs r
 where r.id = e.id and r.state in ('succeeded', 'failed', 'cancelled');

create function note_ending() returns trigger language plpgsql as $$
declare
  ended text;
begin
  select state into ended from runs where id = old.id and state in ('succeeded', 'failed', 'cancelled');
  if ended is not null then
    update executions set ending = ended where id = old.id;
  end if;
  return null;
end
$$;
create constraint trigger note_ending after delete on live_executions
  deferrable initially deferred for each row execute function note_ending();

create index executions_by_organisation on executions (organisation_id, ending, created_at desc, id desc);
create index executions_by_deployment on executions (deployment_id, ending, created_at desc, id desc);
create index executions_by_tag on executions (organisation_id, (tags[1]), ending, created_at desc, id desc)
  where tags[1] is not null;
drop index executions_deployment;

create index files_by_name on files (organisation_id, lower(name) text_pattern_ops);
`;
