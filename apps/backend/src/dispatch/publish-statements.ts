import type { Statement } from '../store/database.ts';
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
  select l.*, level, weight, coalesce(nullif(($3::jsonb ->> l.task)::float8, 0), ${UNKNOWN_MS}) as run_ms,
         ${had('level', 'l.organisation_id')} as had
    from ${limited ? '(select *, false as alone from lines union all select *, true from open)' : 'lines'} l
    cross join lateral (select l.queue || ' ' || -l.rank as level,
                               coalesce((select o.weight from organisations o where o.id = l.organisation_id), 1) as weight) w
   where $3::jsonb ? l.task
), long_waiting as (
  select id, 0 as place, 0 as rank, '${RESCUED}' as level, ${had(`'${RESCUED}'`, 'organisation_id')} as start,
         (${HOP_MS} + runs * run_ms) / weight as share
    from heads where due < now() - ${LONG_WAIT}
   order by start, due, id limit ($10::int + (select n from room)) / ${RESCUED_OF}
), next_lines as (
  select *, had + coalesce(sum((${HOP_MS} + runs * run_ms) / weight) over before_it, 0) as start
    from heads
  window before_it as (partition by organisation_id, place, rank order by id rows between unbounded preceding and 1 preceding)
   order by place, rank, start, id limit (select n from room)
), offered as (
  select d.id, l.place, l.rank, l.level, (${HOP_MS} + d.runs * l.run_ms) / l.weight as share,
         l.had + coalesce(sum((${HOP_MS} + d.runs * l.run_ms) / l.weight) over before_it, 0) as start
    from next_lines l cross join lateral (${only('(select l.id, l.runs where l.alone) union all (')}
      select w.id, cardinality(w.run_ids) as runs from dispatches w
       where w.pool is null and w.ready and w.queue = l.queue and w.organisation_id = l.organisation_id
         and w.task = l.task and -w.priority = l.rank ${only('and not l.alone')}
       order by w.queue, w.organisation_id, w.task, -w.priority, w.id limit (select n from room)${only(')')}) d
   where d.id <> all(array(select id from long_waiting))
  window before_it as (partition by l.organisation_id, l.place, l.rank order by d.id rows between unbounded preceding and 1 preceding)
   order by place, rank, start, d.id limit greatest(0, (select n from room) - (select count(*) from long_waiting))
`;

/** Marks what was chosen published, and tells of it. */
const publication = (limited: boolean, only = whereTrue(limited)) => `), candidates as (
  select id, place, rank, level, start, share from long_waiting
  union all
  select id, place, rank, level, start, share from offered
), chosen as (
  select d.id from dispatches d where d.id = any(array(select id from candidates)) and d.pool is null
     for update skip locked
), published as (
  update dispatches d
     set pool = $1, due = now() + ${untilLookedAfter('$8', 'd.publications')}, publications = d.publications + 1
         ${only(', ready = true, waits_for = null')}
   where d.id = any(array(select id from chosen))
  returning d.id, d.run_ids, d.publications, d.organisation_id
)
select coalesce((select n from room), -1) as room,
       coalesce((select jsonb_agg(jsonb_build_object('id', p.id, 'run_ids', p.run_ids, 'publications', p.publications,
                                                     'organisation_id', p.organisation_id, 'level', c.level, 'start', c.start,
                                                     'share', c.share)
                                  order by c.place, c.rank, c.start, p.id)
                   from published p cross join lateral (select * from candidates where candidates.id = p.id) c), '[]') as published
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
 * much its organisation had before it on its level, which is its queue and priority. Lines are walked by their heads, and of those only as many as there is room for are looked into: a line
 * that is not among them has that many dispatches before its own first. So the cost grows with lines and room, not with what waits.
 *
 * $1 pool, $2 queues in order, $3 {task: average ms, 0 when never measured}, $4 most dispatches the pool may have out at once, $5 this backend's id,
 * $6 term, $7 {"level organisation": taken}, $8 publication time-out in ms, $9 {level: from}: who had nothing
 * waiting for a while starts level with the others, not ahead of them; $10 publications since the last one that had waited too long.
 */
export const publishDispatches: Statement = {
  name: 'publish_dispatches',
  text: LINES + offered(false) + publication(false),
};

/**
 * The same for a pool that registered tasks under limits. Their dispatches are not in lines: those that the limits let pass take
 * their turns beside the heads of lines, and what is published holds its permits from then on. Answers in `outlook` what is left.
 *
 * $11 the tasks under limits.
 */
export const publishLimitedDispatches: Statement = {
  name: 'publish_limited_dispatches',
  text: LINES + offered(true) + publication(true),
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

/** The pools with live sessions, and all tasks that have limits. $1 session time-out in ms. */
export const livePools: Statement = {
  name: 'live_pools',
  text: `
select pool, min(worker) as worker, jsonb_agg(to_jsonb(queues)) -> 0 as queues, jsonb_agg(to_jsonb(tasks)) -> 0 as tasks,
       coalesce(sum(concurrency) filter (where state = 'active'), 0)::int as slots,
       array(select name from tasks where limits is not null) as limited
  from sessions
 where ended_at is null and seen_at > now() - $1::float8 * interval '1 ms'
 group by pool`,
};
