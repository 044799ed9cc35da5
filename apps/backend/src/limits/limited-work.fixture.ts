import type { JsonValue, TaskLimit } from '@longshore/contracts';
import type { Session } from '../sessions/sessions.ts';
import type { TestModel } from '../testing/model.ts';

/** A worker of one pool whose task `work` has these limits; `plan` and `finish` have none. */
export async function limitedWorker(
  model: TestModel,
  limits: readonly TaskLimit[],
  { worker = 'limited', queues = ['default'], concurrency = 200 } = {},
): Promise<Session> {
  const of = (name: string) => ({
    ...{ name, group: 'General', queue: 'default', description: '', input_schema: {} },
    ...{ max_attempts: 3, soft_limit_ms: 1000, hard_limit_ms: 1000, isolation: 'inline' as const },
  });
  const { session_id: id, pool } = await model.sessions.register({
    ...{ worker, instance: `${worker}-1`, hostname: 'here', pid: 1, contract_version: 1, health_port: null },
    ...{ queues, concurrency },
    tasks: [{ ...of('work'), limits: [...limits] }, of('plan'), of('finish')],
  });
  // What its coming sets off is over before anything waits.
  await model.dispatcher.idle();
  return { id, pool, worker, queues };
}

/** Runs of `work` with such inputs, written as other backends do: nobody here is told. Answers their ids in order. */
export async function limitedRuns(
  model: TestModel,
  inputs: readonly JsonValue[],
  { queue = 'default', priority = 0, organisationId = model.organisationId } = {},
): Promise<string[]> {
  const rows = await model.database.query<{ id: string }>(
    `with made as materialized (
       select place, input, overlay(uuid_v7()::text placing lpad(to_hex(place % 4096), 3, '0') from 16)::uuid as id,
              overlay(uuid_v7()::text placing '7' || lpad(to_hex(place % 4096), 3, '0') from 15)::uuid as dispatch_id
         from jsonb_array_elements($1::jsonb) with ordinality as e (input, place)
     ), inserted as (
       insert into runs (id, organisation_id, root_id, task, queue, priority, input, max_attempts, soft_limit_ms, hard_limit_ms)
       select id, $2, id, 'work', $3, $4, input, 3, 1000, 1000 from made
     ), live as (
       insert into live_executions (id, organisation_id) select id, $2 from made
     ), dispatched as (
       insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due)
       select dispatch_id, $2, 'work', $3, $4, array[id], 1, true, now() from made
     )
     select id from made order by place`,
    [JSON.stringify(inputs), organisationId, queue, priority],
  );
  return rows.map(({ id }) => id);
}

export const repeated = (count: number, input: JsonValue = {}): JsonValue[] =>
  Array.from({ length: count }, () => input);
