import type { Statement } from '../store/database.ts';

/** The longest wait in publication time-outs: with 5 s, half a minute. */
const LONGEST_WAIT = 6;

/**
 * SQL for the time after which an unclaimed publication is looked after: `timeoutMs` at first, twice as long after each that was lost
 * before, up to a bound; a quarter more or less, so that what was lost together does not come back together.
 */
export function untilLookedAfter(timeoutMs: string, lostBefore: string): string {
  const growth = `least(power(2, least(${lostBefore}, 10)), ${LONGEST_WAIT})`;
  return `${timeoutMs}::float8 * ${growth} * (0.75 + random() / 2) * interval '1 ms'`;
}

/**
 * Takes what waits longest by rank for one pool and marks it published, as much as there is room for. Order: the pool's queue
 * list strictly, then priority, then organisations in weighted turns, then age. Only dispatches of tasks that the
 * pool registered; only while this backend holds the pool's lease in this term.
 *
 * $1 pool, $2 queues in order, $3 tasks, $4 most dispatches the pool may have out at once, $5 this backend's id,
 * $6 term, $7 {organisation id: turns taken, each worth 1 / weight}, $8 publication time-out in ms, $9 the pool's virtual time:
 * who had nothing waiting for a while starts level with the others, not ahead of them.
 */
export const publishDispatches: Statement = {
  name: 'publish_dispatches',
  text: `
with recursive room as (
  select greatest(0, $4::int - count(*))::int as n from dispatches where pool = $1
   having exists (select 1 from pool_leases l
                   where l.pool = $1 and l.holder = $5::uuid and l.term = $6::bigint and l.expires_at > now())
), waiting (queue, place, organisation_id) as (
  select q.queue, q.place,
         (select d.organisation_id from dispatches d where d.pool is null and d.ready and d.queue = q.queue
           order by d.organisation_id limit 1)
    from unnest($2::text[]) with ordinality as q (queue, place)
  union all
  select w.queue, w.place,
         (select d.organisation_id from dispatches d where d.pool is null and d.ready and d.queue = w.queue
             and d.organisation_id > w.organisation_id order by d.organisation_id limit 1)
    from waiting w where w.organisation_id is not null
), candidates as (
  select c.id, w.place, c.priority, 1.0 / coalesce(o.weight, 1) as share,
         greatest(coalesce(($7::jsonb ->> w.organisation_id::text)::float8, 0), $9::float8) + c.turn::float8 / coalesce(o.weight, 1) as turn
    from waiting w
    left join lateral (select weight from organisations where organisations.id = w.organisation_id) o on true
    cross join lateral (
      select d.id, d.priority, row_number() over (order by d.priority desc, d.id) as turn
        from dispatches d
       where d.pool is null and d.ready and d.queue = w.queue and d.organisation_id = w.organisation_id
         and d.task = any($3::text[])
       order by d.priority desc, d.id limit coalesce((select n from room), 0)) c
   where w.organisation_id is not null
   order by w.place, c.priority desc, turn, c.id
   limit coalesce((select n from room), 0)
), chosen as (
  select d.id from dispatches d where d.id = any(array(select id from candidates)) and d.pool is null
     for update skip locked
), published as (
  update dispatches d
     set pool = $1, due = now() + ${untilLookedAfter('$8', 'd.publications')}, publications = d.publications + 1
   where d.id = any(array(select id from chosen))
  returning d.id, d.run_ids, d.publications, d.organisation_id
)
select coalesce((select n from room), -1) as room,
       coalesce((select jsonb_agg(jsonb_build_object('id', p.id, 'run_ids', p.run_ids, 'publications', p.publications,
                                                     'organisation_id', p.organisation_id, 'share', c.share)
                                  order by c.place, c.priority desc, c.turn, p.id)
                   from published p cross join lateral (select * from candidates where candidates.id = p.id) c), '[]') as published`,
};

/** Takes or renews leases. A new holder gets a new term. $1 pools, $2 this backend's id, $3 lease in ms. */
export const holdLeases: Statement = {
  name: 'hold_leases',
  text: `
insert into pool_leases as l (pool, holder, term, expires_at)
select pool, $2::uuid, 1, now() + $3::float8 * interval '1 ms' from unnest($1::text[]) as p (pool) order by pool
on conflict (pool) do update
   set holder = excluded.holder, expires_at = excluded.expires_at,
       term = case when l.holder = excluded.holder then l.term else l.term + 1 end
 where l.holder = excluded.holder or l.expires_at < now()
returning pool, term::text`,
};

/** The pools with live sessions. $1 session time-out in ms. */
export const livePools: Statement = {
  name: 'live_pools',
  text: `
select pool, min(worker) as worker, jsonb_agg(to_jsonb(queues)) -> 0 as queues, jsonb_agg(to_jsonb(tasks)) -> 0 as tasks,
       coalesce(sum(concurrency) filter (where state = 'active'), 0)::int as slots
  from sessions
 where ended_at is null and seen_at > now() - $1::float8 * interval '1 ms'
 group by pool`,
};
