import { afterEach, beforeAll, afterAll, describe, expect, it } from '@jest/globals';
import {
  redisServerIsInstalled,
  startPostgres,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
  type TestPostgres,
} from '@longshore/testing';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { poll, post, textFile } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';

const LONG_MS = 120_000;
const FILES = 5;
const LOOK_EVERY_MS = 100;

const suite = (await redisServerIsInstalled()) ? describe : describe.skip;
suite('every accepted execution ends once although Redis (needs redis-server on the PATH)', () => {
  let postgres: TestPostgres;
  let backend: HttpBackend;
  let deployment: TestDeployment;
  /** How often each file was worked on, by what it holds. */
  let worked: Map<string, number>;
  const cleanups: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres?.stop());
  afterEach(async () => {
    expect(await brokenInvariants(backend.database)).toEqual([]);
    await backend.stop();
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function startOn(broker: { readonly url: string; stop(): Promise<void> }): Promise<void> {
    cleanups.push(broker.stop);
    backend = await startBackend(postgres, { brokerUrl: broker.url });
    deployment = await backend.deploy(await backend.organisation(), 'invoices');
    worked = new Map();
    await backend.worker({
      concurrency: 5,
      processFile: (run) => {
        worked.set(run.file!.file_id, (worked.get(run.file!.file_id) ?? 0) + 1);
        return { output: run.file!.file_id };
      },
    });
  }

  /** The id of an execution that was accepted; whatever the state of the broker, none is refused. */
  async function accept(name: string): Promise<string> {
    const files = Array.from({ length: FILES }, (_, file) => textFile(`${name}-${file}.txt`));
    const { status, body } = await post(deployment, files, { timeout: '-1' });
    expect({ status, body }).toMatchObject({ status: 200 });
    const words = new URL(body.message.status_api, deployment.url).searchParams;
    return words.get('execution_id')!;
  }

  async function acceptMany(prefix: string, count: number): Promise<string[]> {
    const ids: string[] = [];
    for (let index = 0; index < count; index += 1) ids.push(await accept(`${prefix}-${index}`));
    return ids;
  }

  async function allEnd(ids: readonly string[]): Promise<void> {
    expect(new Set(ids).size).toBe(ids.length);
    const deadline = performance.now() + 80_000;
    for (const id of ids) {
      for (;;) {
        const { body } = await poll(deployment, id);
        if (body?.status === 'COMPLETED') {
          expect(body.message).toHaveLength(FILES);
          break;
        }
        if (performance.now() > deadline) throw new Error(`not ended: ${id} ${JSON.stringify(body)}`);
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      }
    }
    expect([...worked.values()].filter((times) => times !== 1)).toEqual([]);
    expect(worked.size).toBe(ids.length * FILES);
  }

  it(
    'fails over to a replica, by Sentinel, when its master is killed under load',
    async () => {
      const sentinel = await startRedisSentinel();
      await startOn(sentinel);
      const before = await acceptMany('before', 5);
      const master = await sentinel.master();
      await master.kill9();
      const meanwhile = await acceptMany('meanwhile', 10);
      await sentinel.failedOver(master);
      await allEnd([...before, ...meanwhile, ...(await acceptMany('after', 5))]);
    },
    LONG_MS,
  );

  it(
    'is a cluster whose node with our keys is killed under load',
    async () => {
      const cluster = await startRedisCluster();
      await startOn(cluster);
      const before = await acceptMany('before', 5);
      const master = await cluster.masterOf('{longshore}:any');
      await master.kill9();
      const meanwhile = await acceptMany('meanwhile', 10);
      await allEnd([...before, ...meanwhile, ...(await acceptMany('after', 5))]);
    },
    LONG_MS,
  );

  it(
    'is full for a while, and then a read-only replica, in which everything is accepted',
    async () => {
      const redis = await startRedis();
      await startOn(redis);
      const before = await acceptMany('before', 3);
      await redis.command('CONFIG', 'SET', 'maxmemory', '1');
      const whileFull = await acceptMany('while-full', 5);
      await redis.command('REPLICAOF', '127.0.0.1', '1');
      await redis.command('CONFIG', 'SET', 'maxmemory', '0');
      const whileReadOnly = await acceptMany('while-read-only', 5);
      await redis.command('REPLICAOF', 'NO', 'ONE');
      await allEnd([...before, ...whileFull, ...whileReadOnly]);
    },
    LONG_MS,
  );
});
