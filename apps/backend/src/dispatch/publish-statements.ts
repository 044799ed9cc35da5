import type { Statement } from '../store/database.ts';
import { MAX_PARCEL_RUNS, PARCEL_MS, WORTH_A_HOP_MS } from './parcels.ts';
import { RESCUED, RESCUED_OF } from './turns.ts';

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

/** What a parcel costs beside its runs, ms of a slot: message, claim and report. */
const HOP_MS = 10;
/** What a parcel of a task costs that was never measured, ms of a slot: such runs travel alone, and a parcel fills about this. */
const UNKNOWN_MS = 100;
/** What waits longer than this gets a share of the publications whatever its queue and priority: nothing starves for ever. */
const LONG_WAIT = `interval '10 minutes'`;

/** The most dispatches that one publication looks at behind the heads of lines. */
const MOST_AT_ONCE = 500;
/** Of each queue, organisation and task at least so many. */
const LEAST_DEEP = 4;
/** SQL for a head that may share its parcel: then so may what stands behind it. */
const PACKS = 'runs * 2 <= most';
/**
 * SQL for the order of what waits. Where parcels are filled from small dispatches, organisations take turns of a whole parcel's
 * time, since those of one stand together then.
 */
const ORDER = `place, rank, case when rounds then floor(start / ${PARCEL_MS}) else start end, had, organisation_id, start, id`;

/** SQL for how much an organisation had on a level. */
const had = (level: string, organisation: string) =>
  `greatest(($7::jsonb ->> (${level} || ' ' || ${organisation}))::float8, ($9::jsonb ->> ${level})::float8, 0)`;

/** Room, and the heads of the lines that wait. */
const LINES = `
with recursive room as (
  select greatest(0, $4::int - count(*))::int as n from dispatches where pool = $1
   having exists (select 1 from pool_leases l
                   where l.pool = $1 and l.holder = $5::uuid and l.term = $6::bigint and l.expires_at > now())
), lines (queue, place, organisation_id, task, rank, id, due, runs) as (
  select q.queue, q.place, h.*
    from unnest($2::text[]) with ordinality as q (queue, place)
    cross join lateral (
      select d.organisation_id, d.task, -d.priority, d.id, d.due, cardinality(d.run_ids)
        from dispatches d where d.pool is null and d.ready and d.queue = q.queue
       order by d.organisation_id, d.task, -d.priority, d.id limit 1) h
   where (select n from room) > 0
  union all
  select l.queue, l.place, h.*
    from lines l cross join lateral (
      select d.organisation_id, d.task, -d.priority, d.id, d.due, cardinality(d.run_ids)
        from dispatches d where d.pool is null and d.ready and d.queue = l.queue
         and (d.organisation_id, d.task, -d.priority) > (l.organisation_id, l.task, l.rank)
       order by d.organisation_id, d.task, -d.priority, d.id limit 1) h
`;

/** What comes next of the heads, and of what limits let pass if there is such. */
const offered = (limited: boolean, only = whereTrue(limited)) => `), ${only(`open as materialized (
  select o.* from open_dispatches($11::text[], $2::text[], (select n from room)) o
), `)}heads as (
  select l.*, level, weight, run_ms, ${had('level', 'l.organisation_id')} as had,
         case when l.alone then 1 else least(${MAX_PARCEL_RUNS}, greatest(1, floor(${PARCEL_MS} / run_ms)))::int end as most,
         floor(${WORTH_A_HOP_MS} / run_ms) as worth
    from (select *, false as alone from lines${only(' union all select *, true from open')}) l
    cross join lateral (select l.queue || ' ' || -l.rank as level,
                               coalesce(nullif(($3::jsonb ->> l.task)::float8, 0), ${UNKNOWN_MS}) as run_ms,
                               coalesce((select o.weight from organisations o where o.id = l.organisation_id), 1) as weight) w
   where $3::jsonb ? l.task
), long_waiting as (
  select id, row_number() over (order by start, due, id) as parcel, start, share
    from (select id, due, ${had(`'${RESCUED}'`, 'organisation_id')} as start, (${HOP_MS} + runs * run_ms) / weight as share
            from heads where due < now() - ${LONG_WAIT}) h
   order by start, due, id limit ($10::int + (select n from room)) / ${RESCUED_OF}
), started as (
  select *, had + coalesce(sum((${HOP_MS} + runs * run_ms) / weight) over before_it, 0) as start,
         bool_or(${PACKS}) over (partition by place, rank) as rounds
    from heads
  window before_it as (partition by organisation_id, place, rank order by id rows between unbounded preceding and 1 preceding)
), next_lines as (
  select *, row_number() over (order by ${ORDER}) as n from started
), reach as (
  select case when exists (select 1 from next_lines where n <= (select n from room) and ${PACKS})
              then greatest((select n from room), least((select n from room) * ${MAX_PARCEL_RUNS}, ${MOST_AT_ONCE}))
              else (select n from room) end as n
), stacks as (
  select place, queue, organisation_id, task, weight, run_ms, most, worth,
         case when (select n from reach) = (select n from room) then (select n from room)
              else least((select n from reach), greatest(${LEAST_DEEP}, 2 * (select n from reach) / count(*) over ())) end as deep
    from next_lines where not alone and n <= (select n from reach)
   group by place, queue, organisation_id, task, weight, run_ms, most, worth
), behind as (${only(`
  select id, place, rank, organisation_id, task, level, weight, run_ms, most, worth, runs, false as fresh, false as cut_off
    from next_lines where alone
  union all`)}
  select d.id, s.place, d.rank, s.organisation_id, s.task, s.queue || ' ' || -d.rank as level, s.weight, s.run_ms, s.most, s.worth,
         d.runs, d.fresh, d.k = s.deep as cut_off
    from stacks s cross join lateral (
      select w.id, -w.priority as rank, cardinality(w.run_ids) as runs, w.publications = 0 as fresh, row_number() over () as k
        from (select * from dispatches x
               where x.pool is null and x.ready and x.queue = s.queue and x.organisation_id = s.organisation_id and x.task = s.task
               order by x.queue, x.organisation_id, x.task, -x.priority, x.id limit s.deep) w) d
   where d.id <> all(array(select id from long_waiting))
), priced as (
  select *, fresh and runs * 2 <= most as packs, (${HOP_MS} + runs * run_ms) / weight as share,
         ${had('level', 'organisation_id')} as had
    from behind
), placed as (
  select *, bool_or(${PACKS}) over (partition by place, rank) as rounds,
         had + coalesce(sum(share) over (partition by organisation_id, place, rank order by id
                                         rows between unbounded preceding and 1 preceding), 0) as start
    from priced
), numbered as (
  select *, row_number() over (order by ${ORDER}) as n from placed
), offered as (
  select * from numbered
   where n <= least((select n from reach), (select min(n) from numbered where cut_off))
`;

/** Puts neighbours into parcels, as many parcels as there is room for, and takes their dispatches. */
const packed = `), stretches as (
  select *, count(*) filter (where not goes_on) over (order by n) as stretch, sum(runs) over () as total
    from (select *, coalesce(packs and lag(packs) over w and lag(place) over w = place and lag(task) over w = task
                             and lag(organisation_id) over w = organisation_id, false) as goes_on
            from offered window w as (order by n)) o
), filled as (
  select *, max(runs) over (partition by stretch) as largest, sum(runs) over (partition by stretch order by n) - runs as ahead,
         greatest(1, least(most, greatest(ceil(total / greatest(1, (select n from room))), worth))) as size
    from stretches
), candidates as (
  select id, parcel, 0 as n, '${RESCUED}' as level, start, share from long_waiting
  union all
  select id, (select count(*) from long_waiting) + dense_rank() over (order by stretch, floor(ahead / greatest(1, size - largest + 1))),
         n, level, start, share
    from filled
), members as (
  select c.*, h.*, first_value(c.id) over (partition by c.parcel order by c.n) as first_id
    from candidates c cross join lateral (
      select d.run_ids, d.remaining, d.organisation_id from dispatches d where d.id = c.id and d.pool is null
         for update skip locked) h
   where c.parcel <= (select n from room)
), parcels as (
  select m.first_id as id, m.parcel, array_agg(u.run_id order by m.n, u.place) as run_ids,
         (sum(m.remaining) filter (where u.place = 1))::int as remaining
    from members m cross join lateral unnest(m.run_ids) with ordinality as u (run_id, place)
   group by m.first_id, m.parcel
), joined as (
  delete from dispatches d where d.id = any(array(select id from members where id <> first_id))
), shares as (
  select first_id, jsonb_agg(jsonb_build_object('organisation_id', organisation_id, 'level', level, 'start', start,
                                                'share', share) order by start) as turns
    from (select first_id, organisation_id, level, max(start) as start, max(start + share) - max(start) as share
            from members group by first_id, organisation_id, level) t
   group by first_id
`;

/** Marks what was chosen published, and tells of it. */
const publication = (limited: boolean, only = whereTrue(limited)) => `), published as (
  update dispatches d
     set pool = $1, due = now() + ${untilLookedAfter('$8', 'd.publications')}, publications = d.publications + 1,
         run_ids = p.run_ids, remaining = p.remaining
         ${only(', ready = true, waits_for = null')}
    from parcels p
   where d.id = any(array(select id from parcels)) and p.id = d.id
  returning d.id, d.run_ids, d.publications, p.parcel
)
select coalesce((select n from room), -1) as room,
       coalesce((select jsonb_agg(jsonb_build_object('id', p.id, 'run_ids', p.run_ids, 'publications', p.publications,
                                                     'turns', (select turns from shares where first_id = p.id))
                                  order by p.parcel)
                   from published p), '[]') as published,
       (select count(*) from numbered where cut_off) > 0 or (select count(*) from numbered) > (select count(*) from offered) as more
       ${only(`, limit_outlook($11::text[], $2::text[], (select count(*)::int from published)) as outlook`)}`;

function whereTrue(holds: boolean): (text: string) => string {
  return (text) => (holds ? text : '');
}

/**
 * Takes what comes next for one pool and marks it published, as much as there is room for. What waits are lines, one for each queue,
 * organisation, task and priority, oldest first. Order: the pool's queue list strictly, then priority, then organisations in weighted
 * turns, then age; but one place of ten goes first to what waited too long. Only dispatches of tasks that the pool registered; only
 * while this backend holds the pool's lease in this term.
 *
 * A turn is measured in the slot time that a parcel is expected to take, divided by the organisation's weight: `start` is how
 * much its organisation had before it on its level, which is its queue and priority. Lines are walked by their heads; of those that come
 * first, as many as could be published, what one queue, organisation and task has is looked into, across its priorities and so deep as
 * its share may be. Behind the first place at which a look was not deep enough nothing is taken: what comes before it may not be known. So
 * the cost grows with lines and room, not with what waits.
 *
 * Small dispatches of one task and organisation that follow each other in that order travel as one, whatever their priorities: the first
 * takes the runs of the others, which go. Only what is handed out now is joined, so that whatever comes later still goes before all that
 * waits; and the parcels of one publication hold what came first in the order without a gap. What was published before and lost
 * stays as it was, since a message that comes late may name it.
 *
 * $1 pool, $2 queues in order, $3 {task: average ms, 0 when never measured}, $4 most dispatches the pool may have out at once, $5 this backend's id,
 * $6 term, $7 {"level organisation": taken}, $8 publication time-out in ms, $9 {level: from}: who had nothing
 * waiting for a while starts level with the others, not ahead of them; $10 publications since the last one that had waited too long.
 */
export const publishDispatches: Statement = {
  name: 'publish_dispatches',
  text: LINES + offered(false) + packed + publication(false),
};

/**
 * The same for a pool that registered tasks under limits. Their dispatches are not in lines: those that the limits let pass take
 * their turns beside the heads of lines, and what is published holds its permits from then on. Answers in `outlook` what is left.
 *
 * $11 the tasks under limits.
 */
export const publishLimitedDispatches: Statement = {
  name: 'publish_limited_dispatches',
  text: LINES + offered(true) + packed + publication(true),
};

/**
 * The pools with live sessions, with all tasks that have limits; takes or renews their leases. A new holder gets a new term; pools that another
 * backend leads come without one. It looks at nothing that could hold it up: a lease counts from its start.
 * $1 session time-out in ms, $2 this backend's id, $3 lease in ms.
 */
export const leadPools: Statement = {
  name: 'lead_pools',
  text: `
with live as (
  select pool, min(worker) as worker, jsonb_agg(to_jsonb(queues)) -> 0 as queues, jsonb_agg(to_jsonb(tasks)) -> 0 as tasks,
         coalesce(sum(concurrency) filter (where state = 'active'), 0)::int as slots
    from sessions
   where ended_at is null and seen_at > now() - $1::float8 * interval '1 ms'
   group by pool
), held as (
  insert into pool_leases as l (pool, holder, term, expires_at)
  select pool, $2::uuid, 1, now() + $3::float8 * interval '1 ms' from live order by pool
  on conflict (pool) do update
     set holder = excluded.holder, expires_at = excluded.expires_at,
         term = case when l.holder = excluded.holder then l.term else l.term + 1 end
   where l.holder = excluded.holder or l.expires_at < now()
  returning pool, term::text
)
select live.*, held.term, array(select name from tasks where limits is not null) as limited
  from live left join held using (pool)`,
};

/** Whether anything is out or waits for any pool. */
export const lookForDispatches: Statement = {
  name: 'look_for_dispatches',
  text: `
select exists (select 1 from dispatches where pool is not null)
       or exists (select 1 from dispatches where pool is null and ready)
       or exists (select 1 from dispatches where waits_for is not null) as found`,
};
