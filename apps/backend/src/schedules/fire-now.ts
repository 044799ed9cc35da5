import { apiError, ApiError, errorCodes, type Firing } from '@longshore/contracts';
import type { Database, SqlClient } from '../store/database.ts';
import { byHand, obstacleTo, transactionThen, type HeldSchedule } from './fire.ts';
import { firingOf, SHOWN_FIRING } from './firings.ts';
import { lockOneSchedule, writeFirings } from './firing-statements.ts';
import type { MakeRuns } from './new-runs.ts';
import { unknownSchedule } from './stored-schedules.ts';

/** What a client that was refused for load should wait, seconds. */
const RETRY_AFTER_SECONDS = 5;

/**
 * Fires a schedule because somebody asks for it; its times stay as they are. `record` is in the same transaction.
 *
 * @throws ApiError 404 when it is gone, 409 when its type of task was never registered, 429 when there is no room.
 */
export async function fireNow(
  { database, makeRuns }: { database: Database; makeRuns: MakeRuns },
  id: string,
  record: (client: SqlClient) => Promise<void>,
): Promise<Firing> {
  return await transactionThen(database, async (client, after) => {
    const { rows } = await client.query<HeldSchedule>(lockOneSchedule, [id]);
    const [held] = rows;
    if (held === undefined) throw unknownSchedule();
    const obstacle = obstacleTo(held);
    if (obstacle !== null) throw apiError('conflict', obstacle);
    const { wanted, line } = byHand(held, held.now);
    const written = await client.query({ ...writeFirings, values: [JSON.stringify([line])] });
    if (written.rowCount === 0) throw apiError('conflict', 'It was fired in this very moment');
    const made = await makeRuns(client, [wanted]);
    after(made.afterwards);
    if (made.refused.size > 0) throw noRoom();
    await client.query(
      `update schedules set fired = fired + 1, last_fired_at = now(), live_runs = $2::uuid[] where id = $1`,
      [id, [...held.liveRuns, wanted.runId]],
    );
    await record(client);
    const shown = await client.query<Parameters<typeof firingOf>[0]>(
      `select ${SHOWN_FIRING} from schedule_firings f where f.schedule_id = $1 and f.run_id = $2`,
      [id, wanted.runId],
    );
    return firingOf(shown.rows[0]!);
  });
}

function noRoom(): ApiError {
  const code = 'too_many_executions';
  const detail = 'Too many executions are unfinished; no more are accepted for the moment';
  return new ApiError(errorCodes[code], [{ code, detail, attr: null }], RETRY_AFTER_SECONDS);
}
