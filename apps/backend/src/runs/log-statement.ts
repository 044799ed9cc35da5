/** A run keeps at most this many log lines, and at most this many bytes of them; then one line says that more was said. */
export const MAX_LOG_LINES = 10_000;
export const MAX_LOG_BYTES = 1024 * 1024;

/**
 * Writes what a batch says into the logs of its runs, as far as there is room. The totals go on counting beyond it, so
 * whether a run's log was cut short before is known without a look at its lines; the line that says so is written once.
 * Of a run that was deleted nothing is written.
 *
 * $1 [{run_id, level, message, fields}] in the order in which it was said; $2 lines and $3 bytes that a run may keep.
 */
export const writeLogLines = `
with said as (
  select l.run_id, l.level, l.message, l.fields, l.place,
         count(*) over so_far as lines,
         sum(octet_length(l.message) + coalesce(octet_length(l.fields::text), 0)) over so_far as bytes
    from rows from (jsonb_to_recordset($1::jsonb) as (run_id uuid, level text, message text, fields jsonb))
         with ordinality as l (run_id, level, message, fields, place)
  window so_far as (partition by l.run_id order by l.place)
), totals as (
  insert into run_log_totals as t (run_id, lines, bytes)
  select run_id, max(lines), max(bytes) from said
   where exists (select 1 from runs where runs.id = said.run_id)
   group by run_id order by run_id
  on conflict (run_id) do update set lines = t.lines + excluded.lines, bytes = t.bytes + excluded.bytes
  returning run_id, lines, bytes
), earlier as (
  select t.run_id, t.lines - s.lines as lines, t.bytes - s.bytes as bytes,
         t.lines > $2::int or t.bytes > $3::int as is_full
    from totals t join (select run_id, max(lines) as lines, max(bytes) as bytes from said group by run_id) s using (run_id)
), lines as (
  select s.run_id, s.level, s.message, s.fields, s.place
    from said s join earlier e using (run_id)
   where e.lines + s.lines <= $2::int and e.bytes + s.bytes <= $3::int
  union all
  select run_id, 'warn', 'truncated', null, 2147483647
    from earlier where is_full and lines <= $2::int and bytes <= $3::int
)
insert into run_logs (run_id, level, message, fields)
select run_id, level, message, fields from lines order by place`;
