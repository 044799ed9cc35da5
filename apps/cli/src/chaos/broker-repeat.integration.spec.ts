import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createConsumer, waitForBroker } from '@longshore/broker';
import type { DispatchMessage } from '@longshore/contracts';
import { silentLogger, uuidV7 } from '@longshore/runtime';
import { startPostgres } from '@longshore/testing';
import { deliverAgain } from './broker-repeat.ts';
import { hasRedis, startRedis } from './redis.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const withRedis = (await hasRedis()) ? it : it.skip;

async function redis() {
  const folder = mkdtempSync(join(tmpdir(), 'longshore-repeat-'));
  const server = await startRedis(folder);
  cleanups.push(() => rmSync(folder, { recursive: true }), server.kill);
  return server;
}

/** A consumer as a worker has it, and what it is told. */
async function listen(brokerUrl: string, pool: string, count: number) {
  const logger = silentLogger();
  await waitForBroker({ brokerUrl, logger, signal: AbortSignal.timeout(30_000) });
  const got: DispatchMessage[] = [];
  const all = Promise.withResolvers<DispatchMessage[]>();
  const handle = async (message: DispatchMessage): Promise<void> => {
    if (got.push(message) === count) all.resolve(got);
  };
  const consumer = createConsumer({ brokerUrl, brokerQueue: pool, concurrency: 1, logger, handle });
  cleanups.push(() => consumer.close(AbortSignal.timeout(5_000)));
  await consumer.start();
  return { all: all.promise };
}

const messages = (pool: string) =>
  Array.from({ length: 3 }, () => ({ pool, dispatch_id: uuidV7(), run_ids: [uuidV7(), uuidV7()] }));

describe('a message that is delivered again', () => {
  withRedis('reaches a worker through Redis, as often as it is sent', async () => {
    const server = await redis();
    const sent = messages('pool-a');
    const { all } = await listen(server.url, 'pool-a', 6);
    const target = { redis: server, brokerUrl: server.url };
    await deliverAgain(sent, target);
    await new Promise((resolve) => setTimeout(resolve, 2)); // Another millisecond is another id.
    await deliverAgain(sent, target);
    const ids = (await all).map((message) => message.dispatch_id).sort();
    expect(ids).toEqual([...sent, ...sent].map((message) => message.dispatch_id).sort());
  });

  it('reaches a worker through PostgreSQL', async () => {
    const postgres = await startPostgres();
    cleanups.push(() => postgres.stop());
    const brokerUrl = await postgres.createDatabase('broker');
    const sent = messages('pool-b');
    const { all } = await listen(brokerUrl, 'pool-b', 3);
    await deliverAgain(sent, { redis: undefined, brokerUrl });
    const expected = sent.map(({ dispatch_id: dispatch, run_ids: runs }) => ({
      dispatch_id: dispatch,
      run_ids: runs,
    }));
    expect(await all).toEqual(expected);
  });
});

describe('a Redis that is thrown away', () => {
  withRedis('comes back empty after it was killed, and says when a command is refused', async () => {
    const server = await redis();
    await server.send([
      ['SET', 'kept', 'no'],
      ['LPUSH', 'list', 'one'],
    ]);
    await expect(server.send([['LPUSH', 'kept', 'one']])).rejects.toThrow('WRONGTYPE');
    await server.kill();
    await expect(server.send([['PING']])).rejects.toThrow('ECONNREFUSED');
    await server.start();
    await server.send([['LPUSH', 'kept', 'one']]); // Possible where nothing of that name is left.
  });
});
