import { apiError, type TaskDescriptor } from '@longshore/contracts';
import { storedLimits, type StoredLimit } from '../limits/stored-limits.ts';
import type { Database } from '../store/database.ts';

/** What the backend must know of a task to make a run of it. */
export interface TaskPolicy {
  readonly queue: string;
  readonly maxAttempts: number;
  readonly softLimitMs: number;
  readonly hardLimitMs: number;
}

/** The registered task types, kept in memory and refreshed from the database; and how long each takes. */
export interface TaskCatalogue {
  policy(task: string): TaskPolicy | undefined;
  /** Measured average duration in ms; undefined before the first success. */
  averageMs(task: string): number | undefined;
  /** Known averages of all tasks. */
  averages(): ReadonlyMap<string, number>;
  /** The tasks that have limits. Their runs travel alone and are published by the limits' leave; the database sees to both. */
  limited(): ReadonlySet<string>;
  observe(task: string, durationMs: number): void;
  register(tasks: readonly TaskDescriptor[]): Promise<void>;
  /** Reads what other backends registered, writes the averages measured here. */
  refresh(): Promise<void>;
}

interface TaskRow {
  name: string;
  queue: string;
  max_attempts: number;
  soft_limit_ms: number;
  hard_limit_ms: number;
  average_ms: number | null;
  is_limited: boolean;
}

/** Weight of one observation in the moving average: the last twenty or so count. */
const OBSERVATION_WEIGHT = 0.1;

const upsertTasks = `
insert into tasks (name, task_group, queue, description, input_schema, max_attempts, soft_limit_ms, hard_limit_ms, isolation,
                   limits)
select name, "group", queue, description, input_schema, max_attempts, soft_limit_ms, hard_limit_ms, isolation,
       nullif(limits, 'null')
  from jsonb_to_recordset($1::jsonb) as t (name text, "group" text, queue text, description text, input_schema jsonb,
       max_attempts int, soft_limit_ms bigint, hard_limit_ms bigint, isolation text, limits jsonb)
 order by name
on conflict (name) do update set
  task_group = excluded.task_group, queue = excluded.queue, description = excluded.description,
  input_schema = excluded.input_schema, max_attempts = excluded.max_attempts, soft_limit_ms = excluded.soft_limit_ms,
  hard_limit_ms = excluded.hard_limit_ms, isolation = excluded.isolation, limits = excluded.limits,
  registered_at = now()`;

export function createTaskCatalogue(database: Database): TaskCatalogue {
  const policies = new Map<string, TaskPolicy>();
  const averages = new Map<string, number>();
  const observed = new Set<string>();
  let limited: ReadonlySet<string> = new Set();

  async function read(): Promise<void> {
    const rows = await database.query<TaskRow>(
      'select name, queue, max_attempts, soft_limit_ms::float8, hard_limit_ms::float8, average_ms, limits is not null as is_limited from tasks',
    );
    limited = new Set(rows.flatMap(({ name, is_limited }) => (is_limited ? [name] : [])));
    for (const row of rows) {
      policies.set(row.name, {
        queue: row.queue,
        maxAttempts: row.max_attempts,
        softLimitMs: row.soft_limit_ms,
        hardLimitMs: row.hard_limit_ms,
      });
      if (row.average_ms !== null && !averages.has(row.name)) averages.set(row.name, row.average_ms);
    }
  }

  async function writeAverages(): Promise<void> {
    if (observed.size === 0) return;
    const measured = Object.fromEntries([...observed].map((task) => [task, averages.get(task)!]));
    observed.clear();
    await database.query(
      `update tasks set average_ms = ($1::jsonb ->> name)::float8 where name = any(array(select jsonb_object_keys($1::jsonb)))`,
      [JSON.stringify(measured)],
    );
  }

  return {
    policy: (task) => policies.get(task),
    averageMs: (task) => averages.get(task),
    averages: () => averages,
    limited: () => limited,
    observe(task, durationMs) {
      const before = averages.get(task);
      averages.set(
        task,
        before === undefined ? durationMs : before + OBSERVATION_WEIGHT * (durationMs - before),
      );
      observed.add(task);
    },
    async register(tasks) {
      refuseTwins(tasks);
      if (tasks.length > 0) await database.query(upsertTasks, [JSON.stringify(tasks.map(rowOf))]);
      await read();
    },
    async refresh() {
      await writeAverages();
      await read();
    },
  };
}

function rowOf({
  limits,
  ...task
}: TaskDescriptor): Omit<TaskDescriptor, 'limits'> & { limits: StoredLimit[] | null } {
  return { ...task, limits: storedLimits(limits) };
}

/** @throws ApiError 400 when two tasks have one name */
function refuseTwins(tasks: readonly TaskDescriptor[]): void {
  const names = tasks.map((task) => task.name);
  const twin = names.find((name, index) => names.indexOf(name) !== index);
  if (twin !== undefined) throw apiError('invalid', `Two tasks are named "${twin}"`, 'tasks');
}
