/** What limits let pass, for the statement that publishes. */
export const limitOpening = `
-- One publication of a task at a time, and none while its limits change. Any number; freed with the transaction.
create function lock_limits(task_name text) returns void language sql as $$
  select pg_advisory_xact_lock(hashtextextended(task_name, 7061990))
$$;

-- When one more may have a permit of a key of which so many were given in this look: null now, infinity when one comes back, or a time.
create function limit_opens(l jsonb, of_key uuid, given int) returns timestamptz language plpgsql as $$
declare
  moment timestamptz := clock_timestamp();
  opens timestamptz;
  r record;
  n int;
  oldest timestamptz;
begin
  if of_key is null or l is null then
    return null;
  end if;
  if jsonb_typeof(l -> 'concurrency') = 'number' then
    select count(*) into n from limit_permits where key = of_key;
    if n + given >= (l ->> 'concurrency')::int then
      return 'infinity';
    end if;
  end if;
  for r in select (e ->> 'runs')::int as runs, (e ->> 'per_ms')::float8 * interval '1 ms' as span
             from jsonb_array_elements(l -> 'rates') as e loop
    -- One snapshot for both: a claim turns the one into the other.
    select s.n + (select count(*) from limit_permits where key = of_key and not claimed), s.oldest into n, oldest
      from (select count(*) as n, min(at) as oldest from limit_starts where key = of_key and at > moment - r.span) s;
    if n + given >= r.runs then
      -- A little later than the first place is free: what comes free together is given together.
      opens := greatest(opens, coalesce(oldest, moment) + r.span + least(r.span / 100, interval '20 ms'));
    end if;
  end loop;
  return opens;
end
$$;

create function wake_limit_at(task_name text, of_key uuid, its_place int, moment timestamptz) returns void language sql as $$
  insert into limit_wakes (task, key, place, queue, at)
  select task_name, of_key, its_place, '', moment
   where not exists (select 1 from limit_wakes where task = task_name and key = of_key and at > clock_timestamp() and at <= moment)
$$;

-- What a pool may take of limited tasks, so much that all of it together keeps to the limits. Nothing is taken yet: what is published
-- in the same transaction is. Each look at a dispatch either takes it, or parks it under the key that holds it back.
create function open_dispatches(task_names text[], queues text[], room int)
returns table (queue text, place int, organisation_id uuid, task text, rank int, id uuid, due timestamptz, runs int)
language plpgsql as $$
#variable_conflict use_column
declare
  looks int := 300;
  woken text[];
  w record;
  d record;
  q record;
  l jsonb;
  its_limits jsonb;
  opens timestamptz;
  other int;
  other_queue text;
  passed_on int;
  left_over boolean;
  taken uuid[] := '{}';
  given uuid[] := '{}';
begin
  if coalesce(room, 0) <= 0 then
    return;
  end if;
  woken := array(select t.name from unnest(task_names) as t (name)
                  where exists (select 1 from limit_wakes w where w.task = t.name and w.queue = any(array_append(queues, '')) and w.at <= clock_timestamp())
                  order by t.name);
  if cardinality(woken) = 0 then
    return;
  end if;
  perform lock_limits(t.name) from unnest(woken) as t (name);
  delete from limit_starts where ctid = any(array(
    select s.ctid from limit_starts s where s.until < now() limit 1000 for update skip locked));
  -- Fine keys first: what they let pass queues under the coarser ones, oldest first.
  for w in
    select k.* from (
      select g.task, g.key, max(g.place) as place, array_agg(g.id) as seen, min(g.at) as since
        from limit_wakes g where g.task = any(woken) and g.queue = any(array_append(queues, '')) and g.at <= clock_timestamp()
       group by g.task, g.key order by min(g.at) limit 300) k
     order by k.place desc, k.since
  loop
    -- The wakes of those that nobody looked at stay.
    exit when cardinality(taken) >= room or looks <= 0;
    select t.limits into its_limits from tasks t where t.name = w.task;
    passed_on := 0;
    opens := null;
    left_over := false;
    for q in select u.queue from unnest(queues) with ordinality as u (queue, place) order by u.place loop
      for d in
        select c.id, c.organisation_id, c.priority, c.created_at, c.limit_keys, array_position(c.limit_keys, w.key) as place
          from dispatches c where c.task = w.task and c.waits_for = w.key and c.queue = q.queue
         order by -c.priority, c.id limit looks + 1
      loop
        opens := limit_opens(its_limits -> (d.place - 1), w.key,
                             passed_on + (select count(*)::int from unnest(given) as g (key) where g.key = w.key));
        exit when opens is not null;
        left_over := cardinality(taken) >= room or looks <= 0;
        exit when left_over;
        looks := looks - 1;
        other := null;
        for i in reverse cardinality(d.limit_keys)..1 loop
          continue when i = d.place;
          opens := limit_opens(its_limits -> (i - 1), d.limit_keys[i],
                               (select count(*)::int from unnest(given) as g (key) where g.key = d.limit_keys[i]));
          if opens is not null or i < d.place and exists (
               select 1 from dispatches a where a.task = w.task and a.waits_for = d.limit_keys[i] and a.queue = any(queues)) then
            other := i;
            exit;
          end if;
        end loop;
        if other is null then
          taken := taken || d.id;
          given := given || array(select distinct k from unnest(d.limit_keys) as k);
          queue := q.queue; place := array_position(queues, q.queue); organisation_id := d.organisation_id; task := w.task;
          rank := -d.priority; id := d.id; due := d.created_at; runs := 1;
          return next;
          perform wake_limits(w.task, d.limit_keys);
        else
          -- Somebody who cancels it may hold it: then it is looked at again.
          update dispatches m set waits_for = d.limit_keys[other]
           where m.id = any(array(select o.id from dispatches o where o.id = d.id for update skip locked));
          if not found then
            perform wake_limit_at(w.task, w.key, w.place, clock_timestamp() + interval '250 ms');
          end if;
          if opens is not null and isfinite(opens) then
            perform wake_limit_at(w.task, d.limit_keys[other], other, opens);
          end if;
          opens := null;
          if other < d.place then
            passed_on := passed_on + 1;
          end if;
        end if;
      end loop;
      exit when left_over or opens is not null;
    end loop;
    delete from limit_wakes g where g.id = any(w.seen);
    if left_over then
      insert into limit_wakes (task, key, place, queue, at) values (w.task, w.key, w.place, '', clock_timestamp());
    elsif opens is not null then
      if isfinite(opens) then
        perform wake_limit_at(w.task, w.key, w.place, opens);
      end if;
    else
      -- All that is left is for the pools of other queues.
      other_queue := '';
      loop
        select a.queue into other_queue from dispatches a
         where a.task = w.task and a.waits_for = w.key and a.queue > other_queue order by a.queue limit 1;
        exit when not found;
        if other_queue <> all(queues) then
          insert into limit_wakes (task, key, place, queue, at)
          values (w.task, w.key, w.place, other_queue, clock_timestamp());
        end if;
      end loop;
    end if;
  end loop;
end
$$;

-- Whether anything waits for a limit that this pool could take, and in how many ms a look is worth while. To be asked after publishing.
create function limit_outlook(task_names text[], queues text[], published int) returns jsonb language sql volatile as $$
  select jsonb_build_object(
    'waiting', exists (select 1 from unnest(task_names) as t (name) cross join lateral (
                         select 1 from dispatches d where d.task = t.name and d.waits_for is not null and d.queue = any(queues) limit 1) w),
    'wake_ms', (select extract(epoch from min(w.at) - clock_timestamp()) * 1000 from unnest(task_names) as t (name)
                 cross join unnest(array_append(queues, '')) as q (queue)
                 cross join lateral (select at from limit_wakes where task = t.name and queue = q.queue order by at limit 1) w))
$$;
`;
