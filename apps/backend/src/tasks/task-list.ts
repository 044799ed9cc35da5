import {
  MOST_TASKS_COUNTED,
  MOST_TASKS_SEARCHED,
  type ListTasksQuery,
  type TaskList,
  type TaskStatus,
  type TaskSummary,
} from '@longshore/contracts';
import { idRange } from '../native/execution-list.ts';
import type { Database } from '../store/database.ts';
import { STORED_TASK, statusOf, type StoredTask } from './task-reads.ts';

export type TaskFilter = Omit<ListTasksQuery, 'organisation'> & {
  readonly organisationIds: readonly string[];
};

const STARTED_AT = '(select r.started_at from runs r where r.id = t.id)';

/** Where tasks are found, oldest last, and in which order they are walked: `s` is an organisation, `t` the task. */
const walks = {
  all: { from: 'submitted_tasks t where t.organisation_id = s.id', newest: 't.created_at desc, t.id desc' },
  live: {
    from: `live_executions l join submitted_tasks t on t.id = l.id where l.organisation_id = s.id and l.kind = 'task'`,
    newest: 'l.id desc',
  },
  failed: { from: endedBadly('failed'), newest: 'e.id desc' },
  cancelled: { from: endedBadly('cancelled'), newest: 'e.id desc' },
} as const;

/** Few tasks end so, and an index holds just these. Most others succeeded, so that those are found among all. */
function endedBadly(ending: 'failed' | 'cancelled'): string {
  return `ended_executions e join submitted_tasks t on t.id = e.id
     where e.organisation_id = s.id and e.kind = 'task' and e.ending = '${ending}'`;
}

const SUCCEEDED = `exists (select from ended_executions e where e.id = t.id and e.ending = 'succeeded')`;

/** Where the tasks of a status are found, and what tells them apart there. */
const standing: Record<TaskStatus, { walk: keyof typeof walks; also?: string }> = {
  queued: { walk: 'live', also: `coalesce(t.run_at <= now(), true) and ${STARTED_AT} is null` },
  deferred: { walk: 'live', also: `t.run_at > now() and ${STARTED_AT} is null` },
  started: { walk: 'live', also: `${STARTED_AT} is not null` },
  finished: { walk: 'all', also: SUCCEEDED },
  failed: { walk: 'failed' },
  cancelled: { walk: 'cancelled' },
};
/** Longer parameters than this are not looked through, compressed bytes. */
const MOST_SEARCHED_BYTES = 8_192;

interface Counted {
  total: number;
  looked_at: number;
  rows: string[];
}

/**
 * A page of tasks, newest first, and how many there are. Reads along one index for each organisation; counts no further than the page or {@link MOST_TASKS_COUNTED}, and searches no further than {@link MOST_TASKS_SEARCHED}.
 */
export async function listTasks(database: Database, filter: TaskFilter): Promise<TaskList> {
  const { limit, offset } = filter;
  const { text, values, most } = idsStatement(filter);
  const [found] = await database.query<Counted & Record<string, unknown>>(text, values);
  const { total, looked_at: lookedAt, rows } = found!;
  return {
    tasks: await summariesOf(database, rows.slice(0, limit)),
    total: Math.min(total, most),
    total_is_exact: lookedAt <= most,
    ...{ limit, offset, has_more: rows.length > limit },
  };
}

/** One statement that finds the ids of the page, and counts. */
function idsStatement(filter: TaskFilter): { text: string; values: unknown[]; most: number } {
  const values: unknown[] = [];
  const parameter = (value: unknown): string => `$${values.push(value)}`;
  const { status, task_name: name, since, until, q, limit, offset, organisationIds } = filter;
  const wanted = status && standing[status];
  const range = q === undefined ? null : idRange(q);
  const isSearched = q !== undefined && range === null;
  const most = isSearched ? MOST_TASKS_SEARCHED : Math.max(MOST_TASKS_COUNTED, offset + limit);
  const { from, newest } = walks[wanted?.walk ?? 'all'];
  const conditions = [
    ...(name === undefined ? [] : [`t.task = ${parameter(name)}`]),
    ...(since === undefined ? [] : [`t.created_at >= ${parameter(since)}::timestamptz`]),
    ...(until === undefined ? [] : [`t.created_at < ${parameter(until)}::timestamptz`]),
    ...(range === null ? [] : [`t.id between ${parameter(range[0])}::uuid and ${parameter(range[1])}::uuid`]),
    ...(wanted?.also === undefined ? [] : [wanted.also]),
  ];
  const bound = parameter(most + 1);
  const walked = `select w.* from unnest(${parameter(organisationIds)}::uuid[]) as s (id)
    cross join lateral (select t.id, t.created_at, t.task from ${[from, ...conditions].join(' and ')}
                         order by ${newest} limit ${bound}) w
    order by w.created_at desc, w.id desc limit ${bound}`;
  const matching = isSearched ? searched(parameter(likeOf(q))) : 'select * from walked';
  const page = `select id from matching order by created_at desc, id desc offset ${parameter(offset)} limit ${parameter(limit + 1)}`;
  const text = `with walked as materialized (${walked}), matching as materialized (${matching})
    select (select count(*)::int from matching) as total, (select count(*)::int from walked) as looked_at,
           array(${page}) as rows`;
  return { text, values, most };
}

/** Of what was walked, the tasks that hold a text. */
function searched(like: string): string {
  return `select w.* from walked w
    where w.task ilike ${like}
       or exists (select 1 from runs r where r.id = w.id and pg_column_size(r.input) <= ${MOST_SEARCHED_BYTES} and r.input::text ilike ${like})`;
}

function likeOf(q: string): string {
  return `%${q.replace(/[\\%_]/g, '\\$&')}%`;
}

async function summariesOf(database: Database, ids: readonly string[]): Promise<TaskSummary[]> {
  if (ids.length === 0) return [];
  const rows = await database.query<StoredTask & Record<string, unknown>>(
    `select ${STORED_TASK}
       from unnest($1::uuid[]) with ordinality as p (id, place)
      cross join lateral (select * from submitted_tasks where submitted_tasks.id = p.id offset 0) t
      cross join lateral (select * from runs where runs.id = p.id offset 0) r
       join organisations o on o.id = t.organisation_id
      order by p.place`,
    [ids],
  );
  return rows.map(summaryOf);
}

export function summaryOf(task: StoredTask): TaskSummary {
  return {
    task_id: task.id,
    organisation: task.organisation,
    task_name: task.task,
    status: statusOf(task),
    queue: task.queue,
    priority: task.priority,
    created_at: task.created_at.toISOString(),
    run_at: task.run_at?.toISOString() ?? null,
    started_at: task.started_at?.toISOString() ?? null,
    finished_at: task.finished_at?.toISOString() ?? null,
    error: task.error?.message ?? null,
    retry_of: task.retry_of,
  };
}
