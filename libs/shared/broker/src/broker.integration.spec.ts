import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Writable } from 'node:stream';
import type { DispatchMessage } from '@longshore/contracts';
import { createLogger, uuidV7 } from '@longshore/runtime';
import { redisIsAvailable, redisServerIsInstalled } from '@longshore/testing';
import type { BrokerUnderTest } from './broker-under-test.fixture.ts';
import {
  clusterUnderTest,
  guardedRedisUnderTest,
  postgresUnderTest,
  redisUnderTest,
  sentinelUnderTest,
} from './broker-under-test.fixture.ts';
import type { Consumer, ConsumerOptions, Publication } from './index.ts';
import {
  BrokerConfigurationError,
  createConsumer,
  createPublisher,
  readPlatformMark,
  waitForBroker,
} from './index.ts';

const soon = (): AbortSignal => AbortSignal.timeout(5000);

function message(runs = 1): Publication {
  const dispatchId = uuidV7();
  return {
    id: `${dispatchId}_1`,
    message: { dispatch_id: dispatchId, run_ids: Array.from({ length: runs }, () => uuidV7()) },
  };
}

function linesOf(): { logger: ReturnType<typeof createLogger>; lines: string[] } {
  const lines: string[] = [];
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString());
      done();
    },
  });
  return { logger: createLogger({ worker: 'test', level: 'debug', destination }), lines };
}

/** What every broker must do, whatever is below it. */
function brokerContract(name: string, open: () => Promise<BrokerUnderTest>): void {
  describe(`the broker on ${name}`, () => {
    let broker: BrokerUnderTest;
    let queues = 0;
    const cleanups: (() => Promise<unknown>)[] = [];

    beforeAll(async () => {
      broker = await open();
      await waitForBroker({
        brokerUrl: broker.url,
        logger: linesOf().logger,
        signal: AbortSignal.timeout(20_000),
      });
    });
    afterAll(() => broker?.stop());
    afterEach(async () => {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    });

    function setup() {
      const { logger, lines } = linesOf();
      const brokerQueue = `pool-${(queues += 1)}`;
      const publisher = createPublisher({ brokerUrl: broker.url, logger });
      cleanups.push(() => publisher.close(soon()));
      const consume = async (handle: ConsumerOptions['handle'], concurrency = 1): Promise<Consumer> => {
        const consumer = createConsumer({ brokerUrl: broker.url, brokerQueue, concurrency, logger, handle });
        cleanups.push(() => consumer.close(soon()));
        await consumer.start();
        return consumer;
      };
      return { publisher, consume, brokerQueue, lines };
    }

    it('delivers what was published, with its id', async () => {
      const { publisher, consume, brokerQueue } = setup();
      const arrived = Promise.withResolvers<{ got: DispatchMessage; jobId: string }>();
      await consume(async (got, jobId) => arrived.resolve({ got, jobId }));
      const sent = message(50);
      await publisher.publish(brokerQueue, [sent]);
      expect(await arrived.promise).toEqual({ got: sent.message, jobId: sent.id });
    });

    it('delivers in the order of publication, all of a bulk', async () => {
      const { publisher, consume, brokerQueue } = setup();
      const sent = Array.from({ length: 200 }, () => message());
      await publisher.publish(brokerQueue, sent);
      const got: string[] = [];
      const all = Promise.withResolvers<void>();
      await consume(async (_message, jobId) => {
        if (got.push(jobId) === sent.length) all.resolve();
      });
      await all.promise;
      expect(got).toEqual(sent.map(({ id }) => id));
    });

    it('ignores a second message of an id that is still there', async () => {
      const { publisher, consume, brokerQueue } = setup();
      const [twice, last] = [message(), message()];
      await publisher.publish(brokerQueue, [twice]);
      await publisher.publish(brokerQueue, [twice, last]);
      const got: string[] = [];
      const done = Promise.withResolvers<void>();
      await consume(async (_message, jobId) => {
        got.push(jobId);
        if (jobId === last.id) done.resolve();
      });
      await done.promise;
      expect(got).toEqual([twice.id, last.id]);
    });

    it('tells by a mark which platform it belongs to', async () => {
      const { publisher } = setup();
      expect(await publisher.mark('one')).toBeNull();
      expect(await readPlatformMark(broker.url)).toBe('one');
      expect(await publisher.mark('another')).toBe('one');
      expect(await readPlatformMark(broker.url)).toBe('another');
      await broker.empty();
      expect(await readPlatformMark(broker.url)).toBeNull();
      expect(await publisher.mark('one')).toBeNull();
      expect(await readPlatformMark(broker.url)).toBe('one');
    });

    it('knows which messages wait to be taken', async () => {
      const { publisher, consume, brokerQueue } = setup();
      const sent = message();
      const waits = () => publisher.isWaiting(brokerQueue, sent.id);
      expect(await waits()).toBe(false);
      await publisher.publish(brokerQueue, [sent]);
      expect(await waits()).toBe(true);
      const taken = Promise.withResolvers<void>();
      const finish = Promise.withResolvers<void>();
      const consumer = await consume(async () => {
        taken.resolve();
        await finish.promise;
      });
      await taken.promise;
      expect(await waits()).toBe(false);
      finish.resolve();
      await consumer.close(soon());
    });

    it('forgets a message when it was handled, and when its handler failed', async () => {
      const { publisher, consume, brokerQueue } = setup();
      const [good, bad, last] = [message(), message(), message()];
      await publisher.publish(brokerQueue, [good, bad, last]);
      const taken = Promise.withResolvers<void>();
      const finish = Promise.withResolvers<void>();
      await consume(async (_message, jobId) => {
        if (jobId === bad.id) throw new Error('handler broke');
        if (jobId !== last.id) return;
        taken.resolve();
        await finish.promise;
      });
      await taken.promise;
      expect(await publisher.isWaiting(brokerQueue, good.id)).toBe(false);
      expect(await publisher.isWaiting(brokerQueue, bad.id)).toBe(false);
      finish.resolve();
    });

    it('handles as many at once as it has slots, and takes more at once when it is given more', async () => {
      const { publisher, consume, brokerQueue } = setup();
      await publisher.publish(
        brokerQueue,
        Array.from({ length: 6 }, () => message()),
      );
      const started: (() => void)[] = [];
      const atLeast: { count: number; resolve: () => void }[] = [];
      const reached = (count: number): Promise<void> => {
        const { promise, resolve } = Promise.withResolvers<void>();
        if (started.length >= count) resolve();
        atLeast.push({ count, resolve });
        return promise;
      };
      const consumer = await consume(() => {
        const { promise, resolve } = Promise.withResolvers<void>();
        started.push(resolve);
        for (const { count, resolve: tell } of atLeast) if (started.length >= count) tell();
        return promise;
      }, 2);
      await reached(2);
      expect(consumer.state().active).toBe(2);
      consumer.setConcurrency(4);
      await reached(4);
      expect(started).toHaveLength(4);
      const all = reached(6);
      for (const finish of started) finish();
      await all;
      for (const finish of started) finish();
    });

    it('takes nothing new once paused; another process gets it', async () => {
      const { publisher, consume, brokerQueue } = setup();
      const quiet = await consume(async () => {
        throw new Error('a paused consumer took a message');
      });
      quiet.pause();
      const got = Promise.withResolvers<string>();
      await consume(async (_message, jobId) => got.resolve(jobId));
      const sent = message();
      await publisher.publish(brokerQueue, [sent]);
      expect(await got.promise).toBe(sent.id);
      expect(quiet.state().lastMessageAt).toBeUndefined();
    });

    it('drops what is not a dispatch, and goes on', async () => {
      const { publisher, consume, brokerQueue, lines } = setup();
      const wrong = { id: 'wrong', message: { dispatch_id: 'no uuid', run_ids: [] } };
      const sent = message();
      await publisher.publish(brokerQueue, [wrong, sent]);
      const got: string[] = [];
      const done = Promise.withResolvers<void>();
      await consume(async (_message, jobId) => {
        got.push(jobId);
        done.resolve();
      });
      await done.promise;
      expect(got).toEqual([sent.id]);
      expect(lines.join()).toContain('message dropped: not a dispatch');
    });

    it('goes on after the broker lost everything under its hands, with one line about it', async () => {
      const { publisher, consume, brokerQueue, lines } = setup();
      const [lost, next] = [message(), message()];
      await publisher.publish(brokerQueue, [lost]);
      const taken = Promise.withResolvers<void>();
      const emptied = Promise.withResolvers<void>();
      const done = Promise.withResolvers<void>();
      await consume(async (_message, jobId) => {
        if (jobId === next.id) done.resolve();
        taken.resolve();
        await emptied.promise;
      });
      await taken.promise;
      await broker.empty();
      await publisher.publish(brokerQueue, [next]);
      emptied.resolve();
      await done.promise;
      expect(lines.filter((line) => line.includes('broker forgot active messages'))).toHaveLength(1);
    });

    it('tells each publisher that the broker was emptied, or was away, and may have lost what it had', async () => {
      const [one, other] = [setup().publisher, setup().publisher];
      // Two that look at the same moment may both note a new time: then one of them counts it twice.
      const both = async () => [await one.disturbances(), await other.disturbances()] as const;
      const usual = await both();
      expect(await both()).toEqual(usual);
      await broker.empty();
      const [afterOne, afterOther] = await both();
      expect(afterOne).toBeGreaterThan(usual[0]);
      expect(afterOther).toBeGreaterThan(usual[1]);
      expect(await both()).toEqual([afterOne, afterOther]);
      const back = await broker.takeAway();
      await expect(one.disturbances()).rejects.toThrow();
      await back();
      await eventually(async () => expect(await one.disturbances()).toBeGreaterThan(afterOne));
    });

    it('refuses to publish at once while the broker is away, and works again when it is back', async () => {
      const { publisher, consume, brokerQueue } = setup();
      const got = Promise.withResolvers<string>();
      await consume(async (_message, jobId) => got.resolve(jobId));
      await publisher.publish(brokerQueue, []);
      const back = await broker.takeAway();
      const since = performance.now();
      await expect(publisher.publish(brokerQueue, [message()])).rejects.toThrow();
      expect(performance.now() - since).toBeLessThan(15_000);
      await back();
      const sent = message();
      await waitForBroker({
        brokerUrl: broker.url,
        logger: linesOf().logger,
        signal: AbortSignal.timeout(20_000),
      });
      await eventually(() => publisher.publish(brokerQueue, [sent]));
      expect(await got.promise).toBe(sent.id);
    });

    it('closes by the deadline although a handler never ends', async () => {
      const { publisher, consume, brokerQueue } = setup();
      const taken = Promise.withResolvers<void>();
      const consumer = await consume(() => {
        taken.resolve();
        return new Promise<void>(() => undefined);
      });
      await publisher.publish(brokerQueue, [message()]);
      await taken.promise;
      const since = performance.now();
      await consumer.close(AbortSignal.timeout(300));
      expect(performance.now() - since).toBeLessThan(15_000);
    });

    it('closes by the deadline although the broker is away', async () => {
      const { publisher, consume } = setup();
      const consumer = await consume(async () => undefined);
      const back = await broker.takeAway();
      const since = performance.now();
      await Promise.all([
        consumer.close(AbortSignal.timeout(500)),
        publisher.close(AbortSignal.timeout(500)),
      ]);
      expect(performance.now() - since).toBeLessThan(15_000);
      await back();
    });

    it('never shows the password', async () => {
      const { logger, lines } = linesOf();
      const secret = 'hunter2-is-no-password';
      const brokerUrl = broker.url.replace(/\/\/(?:[^@/]*@)?([^/?]*)/, (_all, hosts: string) => {
        const dead = hosts.split(',').map(() => '127.0.0.1:1');
        return `//somebody:${secret}@${dead.join()}`;
      });
      const publisher = createPublisher({ brokerUrl, logger });
      const refusal = await publisher.publish('pool', [message()]).catch(String);
      await publisher.close(soon());
      const enough = new AbortController();
      const waiting = waitForBroker({ brokerUrl, logger, signal: enough.signal }).catch(String);
      await eventually(async () => expect(lines.join()).toContain('"waiting"'));
      enough.abort();
      const timeout = await waiting;
      expect([refusal, timeout, ...lines].join()).toContain('ECONNREFUSED');
      expect([refusal, timeout, ...lines].join()).not.toContain(secret);
    });

    it('leaves nothing behind when all is handled', async () => {
      const { publisher, consume, brokerQueue } = setup();
      const before = await broker.size();
      const got = new Set<string>();
      const all = Promise.withResolvers<void>();
      const consumer = await consume(async (_message, jobId) => {
        if (got.add(jobId).size === 500) all.resolve();
      }, 10);
      for (let round = 0; round < 5; round += 1) {
        await publisher.publish(
          brokerQueue,
          Array.from({ length: 100 }, () => message()),
        );
      }
      await all.promise;
      await consumer.close(soon());
      // Per queue a handful of keys or rows of its own stay: its settings and the last events.
      expect((await broker.size()) - before).toBeLessThan(10);
    });
  });
}

async function eventually<T>(act: () => Promise<T>): Promise<T> {
  for (let left = 200; ; left -= 1) {
    try {
      return await act();
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

brokerContract('PostgreSQL', postgresUnderTest);

if (await redisServerIsInstalled()) {
  brokerContract('Redis with TLS, our certificate and the least rights', guardedRedisUnderTest);
  brokerContract('Redis behind Sentinels', sentinelUnderTest);
  brokerContract('a Redis Cluster', clusterUnderTest);
} else {
  describe.skip('the broker on Redis with TLS, Sentinels, a cluster (need redis-server on the PATH)', () => {
    it('keeps the contract', () => undefined);
  });
}

if (await redisIsAvailable()) {
  brokerContract('Redis', redisUnderTest);

  describe('Redis as a broker', () => {
    it('failure mode 17: is refused when it drops keys under memory pressure, with what to set', async () => {
      const broker = await redisUnderTest();
      try {
        await broker.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
        const { logger } = linesOf();
        const waiting = waitForBroker({ brokerUrl: broker.url, logger, signal: soon() });
        await expect(waiting).rejects.toThrow(/allkeys-lru.*noeviction/s);
        const consumer = createConsumer({
          brokerUrl: broker.url,
          brokerQueue: 'pool',
          concurrency: 1,
          logger,
          handle: async () => undefined,
        });
        await expect(consumer.start()).rejects.toThrow(BrokerConfigurationError);
        await consumer.close(soon());
      } finally {
        await broker.stop();
      }
    });
  });
} else {
  describe.skip('the broker on Redis (needs redis-server on the PATH, or a Docker engine)', () => {
    it('keeps the contract', () => undefined);
  });
}
