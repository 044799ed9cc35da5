import { type SubmitTaskRequest, type TaskResult, type TaskStatus } from '@longshore/contracts';
import { TASK } from './chaos-task.ts';
import { type LoadOptions, post } from './load.ts';
import { createRandom, type Random } from './random.ts';

/** What the client knows about one task that it submitted, or tried to. Times in milliseconds of its own monotonic clock. */
export interface TaskEntry {
  /** Its idempotency key, and the beginning of its effect's name. */
  readonly tag: string;
  readonly value: number;
  /** The task each answer named. */
  readonly executionIds: string[];
  acceptedAt?: number;
  refusal?: string;
  /** Every status that was read, in the order of reading. */
  readonly statuses: TaskStatus[];
  /** As it was read when it had ended. */
  first?: TaskResult;
  /** As it was read again when everything was over. */
  last?: TaskResult;
}

export interface TaskLoadOptions extends Omit<LoadOptions, 'entries'> {
  /** Every entry is put here before its request is sent. */
  entries: TaskEntry[];
}

const CLIENTS = 3;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/** Some clients side by side, each of which submits a task, follows it to its end, and submits the next. */
export async function driveTasks(options: TaskLoadOptions): Promise<void> {
  await Promise.all(Array.from({ length: CLIENTS }, () => runClient(options)));
}

async function runClient(options: TaskLoadOptions): Promise<void> {
  const { api, clock, entries, until, giveUp, seed } = options;
  while (!until.aborted) {
    const random = createRandom(seed ^ Math.imul(entries.length + 1, 0xc2b2ae35));
    const value = random.between(0, 1_000_000);
    const entry: TaskEntry = { tag: `t${entries.length}`, value, executionIds: [], statuses: [] };
    entries.push(entry);
    const request = requestOf(entry, random);
    const posts = random.next() < 0.2 ? 2 : 1;
    await Promise.all(
      Array.from({ length: posts }, () => post(entry, () => api.submitTask(request), { clock, giveUp })),
    );
    if (entry.executionIds.length > 0) await follow(entry, options);
    await clock.sleep(random.between(50, 600), until).catch(() => undefined);
  }
}

function requestOf({ tag, value }: TaskEntry, random: Random): SubmitTaskRequest {
  const fails = random.next() < 0.2 ? random.between(1, 2) : 0;
  const isLong = random.next() < 0.1;
  return {
    task_name: TASK,
    parameters: { tag, value, fails, for_ms: isLong ? random.between(2_000, 8_000) : random.between(0, 300) },
    priority: random.pick([-5, 0, 9]),
    delay: random.next() < 0.15 ? random.between(1, 3) : null,
    idempotency_key: tag,
  };
}

async function follow(entry: TaskEntry, { api, clock, giveUp }: TaskLoadOptions): Promise<void> {
  const id = entry.executionIds[0]!;
  for (let pauseMs = FIRST_PAUSE_MS; !giveUp.aborted; pauseMs = Math.min(pauseMs * 1.3, LONGEST_PAUSE_MS)) {
    // What cannot be read now is read later; what is never read is found at the end.
    const result = await api.readTask(id).catch(() => undefined);
    if (result !== undefined) entry.statuses.push(result.status);
    if (result !== undefined && hasEnded(result)) {
      entry.first = result;
      return;
    }
    await clock.sleep(pauseMs, giveUp).catch(() => undefined);
  }
}

export function hasEnded({ status }: Pick<TaskResult, 'status'>): boolean {
  return status === 'finished' || status === 'failed' || status === 'cancelled';
}

/** Reads every task again when all is over. What cannot be read stays without `last`. */
export async function readTasksAgain(
  entries: readonly TaskEntry[],
  { api }: Pick<LoadOptions, 'api'>,
): Promise<void> {
  for (const entry of entries) {
    const [id] = entry.executionIds;
    const result = id === undefined ? undefined : await api.readTask(id).catch(() => undefined);
    if (result !== undefined) entry.last = result;
  }
}
