/** Organisations that are being deleted begin nothing. */
const LIVES = 'not exists (select 1 from deletions d where d.organisation_id = s.organisation_id)';

/** What a firing needs to know of schedule `s`. */
const FIRING_COLUMNS = `s.id, s.organisation_id as "organisationId", s.form, s.task, s.pipeline_id as "pipelineId",
  s.next_at as "nextAt", s.due_at as "dueAt", s.waiting, s.skipped_at as "skippedAt", s.skipped_for as "skippedFor",
  array(select l.id from live_executions l where l.id = any(s.live_runs)) as "liveRuns",
  (select p.active from deployments p where p.id = s.pipeline_id) as "pipelineActive",
  t.queue, t.max_attempts as "maxAttempts", t.soft_limit_ms::float8 as "softLimitMs", t.hard_limit_ms::float8 as "hardLimitMs",
  now() as now`;

/**
 * Locks schedules that are due, the longest first; what another backend has in its hands is left to it.
 * $1 only these, or null for any; $2 at most so many.
 */
export const lockDueSchedules = {
  name: 'lock_due_schedules',
  text: `
select ${FIRING_COLUMNS}
  from schedules s left join tasks t on t.name = s.task
 where s.due_at <= now() and ($1::uuid[] is null or s.id = any($1::uuid[])) and ${LIVES}
 order by s.due_at limit $2 for update of s skip locked`,
};

/** Locks schedules of which a firing waits, and nothing is under way. $1 at most so many. */
export const lockFreeSchedules = {
  name: 'lock_free_schedules',
  text: `
select ${FIRING_COLUMNS},
       (select f.fire_at from schedule_firings f where f.schedule_id = s.id and f.outcome = 'waiting'
         order by f.fire_at limit 1) as "fireAt"
  from schedules s left join tasks t on t.name = s.task
 where s.waiting > 0 and not s.paused and ${LIVES}
   and not exists (select 1 from live_executions l where l.id = any(s.live_runs))
 order by s.id limit $1 for update of s skip locked`,
};

/** $1 the schedule. */
export const lockOneSchedule = `
select ${FIRING_COLUMNS} from schedules s left join tasks t on t.name = s.task where s.id = $1 for update of s`;

/** What has to be cancelled before the schedules that replace it can fire. $1 at most so many. */
export const runsToReplace = `
select l.id from schedules s join live_executions l on l.id = any(s.live_runs)
 where s.due_at <= now() and s.overlap = 'replace' and ${LIVES} limit $1`;

/**
 * Writes lines of the history, and answers those that were written. Times that are skipped are added to the line that they
 * name; a time that has its line stays as it is, and does not happen again. $1 [line], no schedule and time twice.
 */
export const writeFirings = {
  name: 'write_firings',
  text: `
insert into schedule_firings as f
       (schedule_id, fire_at, organisation_id, outcome, reason, by_hand, last_at, count, due_at, run_id)
select schedule_id, fire_at, organisation_id, outcome, reason, by_hand, last_at, count, due_at, run_id
  from jsonb_to_recordset($1::jsonb) as line (schedule_id uuid, fire_at timestamptz, organisation_id uuid, outcome text,
       reason text, by_hand boolean, last_at timestamptz, count int, due_at timestamptz, run_id uuid)
 order by schedule_id, fire_at
on conflict (schedule_id, fire_at) do update
   set last_at = excluded.last_at, count = f.count + excluded.count, decided_at = now()
 where f.outcome = 'skipped' and excluded.outcome = 'skipped' and f.reason = excluded.reason
returning schedule_id as "scheduleId", fire_at as "fireAt"`,
};

/** What there was no room for waits. $1 runs, $2 why. */
export const letFiringsWait = `
update schedule_firings set outcome = 'waiting', reason = $2, run_id = null where run_id = any($1::uuid[])`;

/** Last of all: what waits is counted. $1 [move]. */
export const moveSchedules = {
  name: 'move_schedules',
  text: `
update schedules s
   set next_at = m.next_at, due_at = m.due_at, live_runs = m.live_runs, skipped_at = m.skipped_at,
       skipped_for = m.skipped_for, fired = s.fired + m.fired,
       waiting = (select count(*) from schedule_firings f where f.schedule_id = s.id and f.outcome = 'waiting'),
       last_fired_at = case when m.fired > 0 then now() else s.last_fired_at end
  from jsonb_to_recordset($1::jsonb) as m (id uuid, next_at timestamptz, due_at timestamptz, live_runs uuid[],
       skipped_at timestamptz, skipped_for text, fired int)
 where s.id = m.id and s.id = any(array(select (e ->> 'id')::uuid from jsonb_array_elements($1::jsonb) e))`,
};

/** A firing that waited begins. $1 [{schedule_id, fire_at, run_id}]. */
export const beginWaiting = `
update schedule_firings f set outcome = 'fired', reason = null, run_id = b.run_id, decided_at = now()
  from jsonb_to_recordset($1::jsonb) as b (schedule_id uuid, fire_at timestamptz, run_id uuid)
 where f.schedule_id = b.schedule_id and f.fire_at = b.fire_at and f.outcome = 'waiting'`;

/** How long until a schedule is due, ms, by the database's clock; null: none ever is. And whether any waits for an end. */
export const nextWake = {
  name: 'next_wake',
  text: `
select (extract(epoch from (select s.due_at from schedules s where s.due_at is not null and ${LIVES}
                             order by s.due_at limit 1) - clock_timestamp()) * 1000)::float8 as "dueInMs",
       exists (select 1 from schedules s where s.waiting > 0 and not s.paused and ${LIVES}) as "anyWaits"`,
};
