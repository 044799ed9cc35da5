import { ApiError, errorCodes, type JsonValue } from '@longshore/contracts';
import type { Logger } from '@longshore/runtime';
import type { PeriodicWork } from '../periodic.ts';
import { isOutOfReach, type Database, type Statement } from '../store/database.ts';
import type { RetryTask } from '../tasks/tasks.ts';
import { NotWantedError, type Replay } from './replay-execution.ts';

export interface ReplayWorkDependencies {
  readonly database: Database;
  readonly replay: Replay;
  readonly retryTask: RetryTask;
  readonly backendId: string;
  readonly logger: Logger;
}

const HOUR_MS = 3_600_000;
/** A replay that is over is remembered for so long. */
const KEPT_DAYS = 90;
/** Refusals that have nothing to do with what is replayed. */
const FOR_LOAD: readonly number[] = [errorCodes.too_many_executions, errorCodes.unavailable];
/** After such a refusal. */
const PAUSE_SECONDS = 5;
/** A backend that died with a replay in its hands leaves it to others after this time. */
const HELD_SECONDS = 60;
/** What was missed while no backend looked is caught up with for so long, no longer. */
const CATCH_UP_SECONDS = 2;

/** A turn of a replay: one of its executions, or tasks, may be begun. */
interface Turn {
  readonly id: string;
  readonly kind: 'executions' | 'tasks';
  readonly request: {
    readonly only_failed: boolean;
    readonly custom_data?: { [key: string]: JsonValue } | null;
    readonly parameters?: { [key: string]: JsonValue };
  };
}

/**
 * What a backend does again and again so that replays go on. Each turn is taken from the database by its clock, so that all backends
 * together keep the pace, and a restart neither hurries nor stops it. That an execution is made once is not this work's care: accepting
 * notes it in the same transaction.
 */
export function replayWork(dependencies: ReplayWorkDependencies): PeriodicWork[] {
  return [
    { label: 'replays', everyMs: 1_000, run: (signal) => carryOnReplays(dependencies, signal) },
    { label: 'old replays', everyMs: HOUR_MS, run: () => forgetOldReplays(dependencies.database) },
  ];
}

async function carryOnReplays(dependencies: ReplayWorkDependencies, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const turn = await takeTurn(dependencies);
    if (turn === null) return;
    await useTurn(dependencies, turn);
  }
}

/** $1 this backend's id. */
const takeReplayTurn: Statement = {
  name: 'take_replay_turn',
  text: `
update replays j
   set next_at = greatest(j.next_at, now() - ${CATCH_UP_SECONDS} * interval '1 s') + (60.0 / j.per_minute) * interval '1 s',
       held_by = $1, held_until = now() + ${HELD_SECONDS} * interval '1 s'
 where j.id = (select id from replays
                where state = 'running' and next_at <= now() and (held_by = $1 or held_until is null or held_until < now())
                order by next_at limit 1 for update skip locked)
returning j.id, j.kind, j.request`,
};

async function takeTurn({ database, backendId }: ReplayWorkDependencies): Promise<Turn | null> {
  const [turn] = await database.hot<Turn & Record<string, unknown>>(takeReplayTurn, [backendId]);
  return turn ?? null;
}

async function useTurn(dependencies: ReplayWorkDependencies, turn: Turn): Promise<void> {
  const { database } = dependencies;
  const [item] = await database.query<{ place: number; execution_id: string }>(
    `select place, execution_id from replay_items where replay_id = $1 and state = 'waiting' order by place limit 1`,
    [turn.id],
  );
  if (item === undefined) return await finish(database, turn.id);
  try {
    await begin(dependencies, turn, item);
  } catch (error) {
    await dealWith(dependencies, { replayId: turn.id, ...item }, error);
  }
}

async function begin(
  { replay, retryTask }: ReplayWorkDependencies,
  { id: replayId, kind, request }: Turn,
  { execution_id: id, place }: { execution_id: string; place: number },
): Promise<void> {
  const item = { replayId, place };
  if (kind === 'tasks') await retryTask({ id, parameters: request.parameters, item });
  else
    await replay({ executionId: id, onlyFailed: request.only_failed, customData: request.custom_data, item });
}

async function finish(database: Database, id: string): Promise<void> {
  await database.query(
    `update replays set state = 'done', finished_at = now() where id = $1 and state = 'running'`,
    [id],
  );
}

interface Item {
  readonly replayId: string;
  readonly place: number;
  readonly execution_id: string;
}

/** @throws when the database could not be asked: the same is tried again. */
async function dealWith({ database, logger }: ReplayWorkDependencies, item: Item, error: unknown) {
  if (error instanceof NotWantedError) return;
  if (isOutOfReach(error)) throw error;
  if (error instanceof ApiError && FOR_LOAD.includes(error.status)) {
    await database.query(
      `update replays set next_at = now() + $2 * interval '1 s' where id = $1 and state = 'running'`,
      [item.replayId, error.retryAfterSeconds ?? PAUSE_SECONDS],
    );
    return;
  }
  if (!(error instanceof ApiError)) {
    logger.error('An execution could not be replayed', { execution_id: item.execution_id, error });
  }
  await refuse(database, item, error instanceof ApiError ? error.message : 'The platform failed at it');
}

async function refuse(database: Database, { replayId, place }: Item, reason: string): Promise<void> {
  await database.query(
    `update replay_items set state = 'refused', error = $3 where replay_id = $1 and place = $2 and state = 'waiting'`,
    [replayId, place, reason],
  );
}

async function forgetOldReplays(database: Database): Promise<void> {
  await database.query(`delete from replays where finished_at < now() - ${KEPT_DAYS} * interval '1 day'`);
}
