import { createHash } from 'node:crypto';
import { DELIVER_WEBHOOK, pipelineTasks } from '@longshore/contracts';
import type { Clock, Logger } from '@longshore/runtime';
import type { StoredLimit } from '../limits/stored-limits.ts';
import type { Database } from '../store/database.ts';
import { compileParameters, type CheckParameters } from './parameters.ts';

/** A registered type of task, as clients may use it. */
export interface TaskType {
  readonly name: string;
  readonly group: string;
  readonly queue: string;
  readonly description: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  readonly maxAttempts: number;
  readonly softLimitMs: number;
  readonly hardLimitMs: number;
  readonly isolation: string;
  readonly limits: readonly StoredLimit[] | null;
}

export interface TaskTypes {
  /** All that can be submitted, by name. */
  list(): Promise<TaskType[]>;
  /** The type as it was registered last, not older than a second; undefined: nobody ever registered it. */
  find(name: string): Promise<TaskType | undefined>;
  checkerOf(type: TaskType): CheckParameters;
}

/** The steps of executions and pipelines: made by the platform, of no use alone. */
const OWN_TASKS: ReadonlySet<string> = new Set([...Object.values(pipelineTasks), DELIVER_WEBHOOK]);
const FRESH_MS = 1_000;
const MAX_REMEMBERED = 1_000;

const columns = `name, task_group as "group", queue, description, input_schema as "inputSchema", max_attempts as "maxAttempts",
  soft_limit_ms::float8 as "softLimitMs", hard_limit_ms::float8 as "hardLimitMs", isolation, limits`;

type Row = TaskType & Record<string, unknown>;

export interface TaskTypesDependencies {
  readonly database: Database;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly logger: Logger;
}

export function createTaskTypes({ database, clock, logger }: TaskTypesDependencies): TaskTypes {
  const known = new Map<string, { readonly type: Promise<TaskType | undefined>; readonly readAt: number }>();
  const checkers = new Map<string, CheckParameters>();

  async function read(name: string): Promise<TaskType | undefined> {
    const rows = await database.query<Row>(`select ${columns} from tasks where name = $1`, [name]);
    return rows[0];
  }

  return {
    async list() {
      const rows = await database.query<Row>(`select ${columns} from tasks order by name`);
      return rows.filter(({ name }) => !OWN_TASKS.has(name));
    },
    async find(name) {
      if (OWN_TASKS.has(name) || name.includes('\0') || !name.isWellFormed()) return undefined;
      const last = known.get(name);
      if (last !== undefined && clock.monotonic() - last.readAt < FRESH_MS) return await last.type;
      const type = read(name);
      known.delete(name);
      known.set(name, { type, readAt: clock.monotonic() });
      if (known.size > MAX_REMEMBERED) known.delete(known.keys().next().value!);
      type.catch(() => known.delete(name));
      return await type;
    },
    checkerOf({ name, inputSchema }) {
      const id = createHash('sha256').update(JSON.stringify(inputSchema)).digest('base64');
      const checker = checkers.get(id) ?? compiled(name, inputSchema, logger);
      checkers.set(id, checker);
      if (checkers.size > MAX_REMEMBERED) checkers.delete(checkers.keys().next().value!);
      return checker;
    },
  };
}

/** A schema that is none must not make its task unusable: the task checks its own input. */
function compiled(name: string, schema: TaskType['inputSchema'], logger: Logger): CheckParameters {
  try {
    return compileParameters(schema);
  } catch (error) {
    logger.warn('The input schema of a task cannot be used; its parameters are not checked', {
      task: name,
      error,
    });
    return () => [];
  }
}
