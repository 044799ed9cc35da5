import { queryOnce } from '@longshore/embedded-postgres';
import type { ChaosInstance } from './instance.ts';
import type { ThrowAwayRedis } from './redis.ts';

interface Message {
  readonly dispatch_id: string;
  readonly run_ids: readonly string[];
  readonly pool: string;
}

/** A message of the broker names a dispatch and its runs. Runs remember the dispatch they travelled in, long after it is gone. */
const SENT = `
  with live as (
    select d.id as dispatch_id, d.run_ids, d.pool, 0 as age from dispatches d where d.pool is not null
  ), past as (
    select r.dispatch_id, array_agg(r.id order by r.id) as run_ids, s.pool, 1 as age
      from runs r join sessions s on s.id = r.session_id
     where r.dispatch_id is not null and r.finished_at > now() - interval '1 minute'
     group by r.dispatch_id, s.pool
  )
  select dispatch_id, run_ids, pool
    from (select * from live union all select * from past) as sent
   order by age, random() limit $1`;

/**
 * Delivers up to so many messages once more, under ids that the broker does not know: those of work that waits or runs
 * first, then those of work that ended within the last minute. Answers how many.
 */
export async function repeatMessages(instance: ChaosInstance, most: number): Promise<number> {
  const messages = await queryOnce<Message>(instance.storage.databaseUrl, SENT, [most]);
  await deliverAgain(messages, { redis: instance.redis, brokerUrl: instance.storage.brokerUrl });
  return messages.length;
}

/** Puts the messages into the broker as BullMQ would, past the product's own code. */
export async function deliverAgain(
  messages: readonly Message[],
  { redis, brokerUrl }: { redis: Pick<ThrowAwayRedis, 'send'> | undefined; brokerUrl: string },
): Promise<void> {
  const jobs = messages.map(({ dispatch_id: dispatch, run_ids: runs, pool }, index) => ({
    pool,
    id: `${dispatch}-again-${Date.now()}-${index}`,
    data: JSON.stringify({ dispatch_id: dispatch, run_ids: runs }),
  }));
  if (redis !== undefined) await redis.send(jobs.flatMap(redisCommands));
  else await addToPostgres(brokerUrl, jobs);
}

interface Job {
  readonly pool: string;
  readonly id: string;
  readonly data: string;
}

const OPTIONS = { attempts: 1, removeOnComplete: true, removeOnFail: true };

/** What BullMQ writes for a job without delay and priority. */
function redisCommands({ pool, id, data }: Job): string[][] {
  const queue = `{longshore}:${pool}`;
  const fields = { name: 'dispatch', data, opts: JSON.stringify(OPTIONS), timestamp: String(Date.now()) };
  return [
    ['HSET', `${queue}:${id}`, ...Object.entries(fields).flat(), 'delay', '0', 'priority', '0'],
    ['LPUSH', `${queue}:wait`, id],
    ['ZADD', `${queue}:marker`, '0', '0'],
  ];
}

const ADD = 'select bullmq.add_jobs_bulk(pool, entries) from jsonb_each($1::jsonb) as jobs (pool, entries)';

async function addToPostgres(brokerUrl: string, jobs: readonly Job[]): Promise<void> {
  const entry = ({ id, data }: Job) => ({ id, name: 'dispatch', data, opts: OPTIONS, timestamp: Date.now() });
  const pools = Map.groupBy(jobs, ({ pool }) => pool);
  const byPool = Object.fromEntries([...pools].map(([pool, own]) => [pool, own.map(entry)]));
  await queryOnce(brokerUrl, ADD, [JSON.stringify(byPool)]);
}
