import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { silentLogger, systemClock } from '@longshore/runtime';
import {
  redisIsAvailable,
  startPostgres,
  startRedis,
  type TestPostgres,
  type TestRedis,
} from '@longshore/testing';
import { openFileStore } from '../files/file-store.ts';
import { createRetention } from '../retention/retention-job.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { eventually, post, textFile } from '../testing/http-client.ts';

/** Executions until everything has been used once: connections, plans of statements, compiled code. */
const WARM = 200;
const MANY = 1_000;
const AT_ONCE = 40;
const MIB = 1024 ** 2;

const suite = (await redisIsAvailable()) ? describe : describe.skip;
suite('failure mode 15: what grows (needs redis-server on the PATH, or a Docker engine)', () => {
  let postgres: TestPostgres;
  let redis: TestRedis;
  let backend: HttpBackend;
  let deployment: TestDeployment;

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
    backend = await startBackend(postgres, { brokerUrl: redis.url });
    deployment = await backend.deploy(await backend.organisation(), 'invoices');
    await backend.worker({ concurrency: AT_ONCE });
  });
  afterAll(async () => {
    await backend?.stop();
    await redis?.stop();
    await postgres?.stop();
  });

  async function one(name: string): Promise<void> {
    const { body } = await post(deployment, [textFile(`${name}.txt`)], {
      timeout: '60',
    });
    if (body.message.execution_status !== 'COMPLETED') throw new Error(JSON.stringify(body));
  }

  async function executions(from: number, to: number): Promise<void> {
    let next = from;
    const client = async () => {
      while (next < to) await one(`file-${(next += 1)}`);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, client));
  }

  /** Everything ended a year ago, by the database's clock. */
  const makeOld = () =>
    backend.database.query(`update ended_executions set ended_at = ended_at - interval '1 year'`);

  async function retain(): Promise<void> {
    const store = await openFileStore(backend.folder);
    const dependencies = { database: backend.database, store, clock: systemClock, logger: silentLogger() };
    const keep = { uploads: 24, results: 30 * 24, logs: 7 * 24, history: 90 * 24 };
    await createRetention(dependencies, keep)(new AbortController().signal);
  }

  const redisKeys = async () => Number(await redis.command('DBSIZE'));

  it('is back where it was after 1,000 executions and the retention job: Redis, disk, rows of content, memory', async () => {
    await executions(0, WARM);
    const keys = await redisKeys();
    const heap = heapInUse();
    await executions(WARM, MANY);
    // The jobs of the last reports go a moment after their executions ended.
    await eventually(async () => (await redisKeys()) <= keys);
    expect(heapInUse() - heap).toBeLessThan(10 * MIB);
    expect((await backend.storedFiles()).length).toBe(MANY);

    await makeOld();
    // Of several that clear one goes on and the others leave the rest to it; the backend's own is at work as well.
    await eventually(async () => {
      await retain();
      const doomed = await backend.database.query('select 1 from doomed_objects limit 1');
      return doomed.length === 0 && (await backend.storedFiles()).length === 0;
    });
    const [left] = await backend.database.query(
      `select (select count(*)::int from runs where output is not null) as outputs,
              (select count(*)::int from dispatches) as dispatches,
              (select count(*)::int from live_executions) as live,
              (select count(*)::int from doomed_objects) as doomed`,
    );
    expect(left).toEqual({ outputs: 0, dispatches: 0, live: 0, doomed: 0 });
    expect(await brokenInvariants(backend.database)).toEqual([]);
  }, 300_000);
});

/** Bytes of live objects in this process, which the backend shares with the test. */
function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let times = 0; times < 3; times += 1) collect();
  return process.memoryUsage().heapUsed;
}
