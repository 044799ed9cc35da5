import { afterEach, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { QueuesResponse, WorkersResponse } from '@longshore/contracts';
import { redisIsAvailable, startRedis, type TestRedis } from '../redis.ts';
import { startPlatform, type TestPlatform } from '../platform.ts';
import { deploymentClient, invoice, invoiceWorkflow } from './deployment-client.fixture.ts';

const FILES = 4;
const BOUND_MS = 45_000;
/** What a client may be told while it is to wait. */
const TOLD = /^answer 503/;

let platform: TestPlatform | undefined;
let redis: TestRedis | undefined;
/** Skipped, and so named at the end of the run, where there is no Redis. */
const withRedis = (await redisIsAvailable()) ? it : it.skip;
afterEach(async () => {
  await platform?.stop();
  await redis?.stop();
  platform = undefined;
  redis = undefined;
}, 60_000);

async function start(env: Record<string, string> = {}) {
  platform = await startPlatform({
    SESSION_TIMEOUT: '4',
    MAX_UNFINISHED_EXECUTIONS_PER_ORGANISATION: '1000',
    ...env,
  });
  const client = deploymentClient(platform);
  await client.apply(invoiceWorkflow);
  return { platform, client };
}
type Client = Awaited<ReturnType<typeof start>>['client'];

/** Files that differ, large enough that a fault finds some of them half read. */
function filesOf(execution: number): Map<string, string> {
  const names = Array.from({ length: FILES }, (_, file) => `${execution}-${file}`);
  return new Map(names.map((name) => [`${name}.txt`, invoice(name, 8_000)]));
}

/** Posts as a client should: one that is told to come again (503) comes again; any other refusal is an error. */
async function posted(client: Client, execution: number): Promise<string> {
  for (;;) {
    try {
      return await client.post('invoices', filesOf(execution));
    } catch (error) {
      if (!TOLD.test((error as Error).message)) throw error;
      await pause(300);
    }
  }
}

/** Posts executions until the fault is over; answers the client's own list of what was accepted. */
async function postedDuring(client: Client, fault: () => Promise<unknown>): Promise<string[]> {
  const ids: string[] = [];
  let over = false;
  const post = async () => void ids.push(await posted(client, ids.length));
  for (let before = 0; before < 4; before += 1) await post();
  const done = fault().finally(() => (over = true));
  while (!over) {
    await post();
    await pause(500);
  }
  await done;
  await post();
  return ids;
}

/** Every accepted execution ended well, with one right result per file; answers how many files were started again. */
async function allEnded(client: Client, ids: readonly string[]): Promise<number> {
  let again = 0;
  for (const [execution, id] of ids.entries()) {
    const detail = await client.ended(id, BOUND_MS);
    const errors = detail.result?.map(({ error }) => error) ?? detail;
    expect({ execution, errors }).toEqual({ execution, errors: Array(FILES).fill(null) });
    expect(detail).toMatchObject({ status: 'COMPLETED', successful_files: FILES, failed_files: 0 });
    const numbers = detail.result!.map((result) => (result.result!.output as { number: string }).number);
    expect(numbers).toEqual(Array.from({ length: FILES }, (_, file) => `${execution}-${file}`));
    again += detail.files.filter((file) => file.starts > 1).length;
  }
  return again;
}

/** The process id of the embedded server's postmaster. */
function postmasterOf({ home }: TestPlatform): number {
  const { data } = JSON.parse(readFileSync(join(home, 'postgres', 'server.json'), 'utf8')) as {
    data: string;
  };
  return Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
}

async function asked<T>({ url, adminKey }: TestPlatform, path: string): Promise<T> {
  const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${adminKey}` } });
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()) as T;
}

describe('every accepted execution ends once, with one result per file, when', () => {
  it('5d: a worker freezes for 20 s in the middle of its files and wakes again', async () => {
    const { platform, client } = await start();
    const ids = await postedDuring(client, async () => {
      const pid = platform.pidOf('file-processing');
      process.kill(pid, 'SIGSTOP');
      await pause(20_000).finally(() => process.kill(pid, 'SIGCONT'));
    });
    expect(await allEnded(client, ids)).toBeGreaterThan(0);
    expect(await platform.stop()).toBe(0);
  }, 90_000);

  it('18: PostgreSQL is killed under load, three times', async () => {
    const { platform, client } = await start();
    const ids = await postedDuring(client, async () => {
      for (let times = 0; times < 3; times += 1) {
        process.kill(postmasterOf(platform), 'SIGKILL');
        await pause(4_000);
      }
    });
    await allEnded(client, ids);
    expect(await platform.stop()).toBe(0);
  }, 90_000);

  withRedis(
    '11: the backend dies between accepting and publishing',
    async () => {
      redis = await startRedis();
      const { platform, client } = await start({ BROKER_URL: redis.url });
      await redis.kill9();
      const ids: string[] = [];
      for (let execution = 0; execution < 6; execution += 1)
        ids.push(await client.post('invoices', filesOf(execution)));
      platform.kill9('backend');
      await redis.restart();
      await allEnded(client, ids);
      expect(await platform.stop()).toBe(0);
    },
    90_000,
  );

  withRedis(
    '11: the broker is away for 20 s while requests come in',
    async () => {
      redis = await startRedis();
      const { platform, client } = await start({ BROKER_URL: redis.url });
      const ids = await postedDuring(client, async () => {
        await redis!.kill9();
        await pause(20_000);
        await redis!.restart();
      });
      expect(ids.length).toBeGreaterThan(10);
      await allEnded(client, ids);
      expect(await platform.stop()).toBe(0);
    },
    120_000,
  );

  it('22: workers are killed in a loop, and afterwards depths and registry are right', async () => {
    const { platform, client } = await start();
    const ids = await postedDuring(client, async () => {
      for (let times = 0; times < 4; times += 1)
        for (const name of ['file-processing', 'callback', 'api-deployment']) {
          platform.kill9(name);
          await pause(1_200);
        }
    });
    expect(await allEnded(client, ids)).toBeGreaterThan(0);
    await pause(6_000); // A session time-out and a measurement later.
    const { pools } = await asked<WorkersResponse>(platform, '/api/v1/workers');
    expect(pools.map(({ worker, sessions }) => [worker, sessions.length]).sort()).toEqual(
      ['api-deployment', 'callback', 'file-processing', 'general'].map((worker) => [worker, 1]),
    );
    const { queues } = await asked<QueuesResponse>(platform, '/api/v1/queues');
    expect(queues.map(({ queued, running }) => queued + running)).toEqual(queues.map(() => 0));
    expect(await platform.stop()).toBe(0);
  }, 120_000);
});

describe('an execution of which nothing could be processed', () => {
  it('13: is an ERROR, with the reason for each file; one bad file harms no other', async () => {
    const { client } = await start();
    const bad = new Map([
      ['broken.pdf', 'no pdf'],
      ['broken.docx', 'no docx'],
    ]);
    const failed = await client.ended(await client.post('invoices', bad), BOUND_MS);
    expect(failed).toMatchObject({ status: 'ERROR', successful_files: 0, failed_files: 2 });
    expect(failed.result!.map(({ status, error }) => [status, typeof error])).toEqual(
      Array(2).fill(['Failed', 'string']),
    );
    const mixed = new Map([...bad, ['nul.txt', invoice('A\0B')], ['good.txt', invoice('7')]]);
    const some = await client.ended(await client.post('invoices', mixed), BOUND_MS);
    expect(some).toMatchObject({ status: 'COMPLETED', total_files: 4 });
    for (const { file, status, error } of some.result!)
      expect([file, status, error === null]).toEqual([
        file,
        file === 'good.txt' ? 'Success' : 'Failed',
        file === 'good.txt',
      ]);
  }, 60_000);
});
