import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { QueuesResponse, WorkersResponse } from '@longshore/contracts';
import type { TestPlatform } from '../platform.ts';
import { invoice } from './deployment-client.fixture.ts';
import {
  asked,
  type Client,
  faultyPlatform,
  freezeAtWork,
  until,
  withRedis,
} from './faulty-platform.fixture.ts';

const BOUND_MS = 45_000;
const { start, startOnRedis, filesOf, post, allEnded } = faultyPlatform(4);

/** Posts executions until the fault, which is told of them, is over; answers the client's own list of what was accepted. */
async function postedDuring(
  client: Client,
  fault: (accepted: readonly string[]) => Promise<unknown>,
): Promise<string[]> {
  const ids: string[] = [];
  let over = false;
  const postOne = async () => void ids.push(await post(client, ids.length));
  for (let before = 0; before < 4; before += 1) await postOne();
  const done = fault(ids).finally(() => (over = true));
  while (!over) {
    await postOne();
    await pause(500);
  }
  await done;
  await postOne();
  return ids;
}

/** The process id of the embedded server's postmaster. @throws while it starts: then its file is missing or empty */
function postmasterOf({ home }: TestPlatform): number {
  const { data } = JSON.parse(readFileSync(join(home, 'postgres', 'server.json'), 'utf8')) as {
    data: string;
  };
  const pid = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
  if (!(pid > 0)) throw new Error('its process id is not written yet');
  return pid;
}

/** Kills the postmaster that runs; one that finds what is left of the last one may end by itself first. @returns its process id */
async function killPostmaster(platform: TestPlatform): Promise<number> {
  let killed = 0;
  await until('a postmaster is killed', () => {
    killed = postmasterOf(platform);
    return process.kill(killed, 'SIGKILL');
  });
  return killed;
}

/** The process ids of the workers of this name that the backend hears of. */
async function heardOf(platform: TestPlatform, name: string): Promise<number[]> {
  const { pools } = await asked<WorkersResponse>(platform, '/api/v1/workers');
  const ofName = pools.filter(({ worker }) => worker === name);
  return ofName.flatMap(({ sessions }) => sessions.map(({ pid }) => pid));
}

describe('every accepted execution ends once, with one result per file, when', () => {
  it('failure mode 5d: a worker freezes in the middle of its files until it is given up, and wakes again', async () => {
    const { platform, client } = await start();
    const ids = await postedDuring(client, async (accepted) => {
      const pid = platform.pidOf('file-processing');
      await freezeAtWork(pid, client, accepted);
      const isGivenUp = async () => !(await heardOf(platform, 'file-processing')).includes(pid);
      await until('it is given up', isGivenUp).finally(() => process.kill(pid, 'SIGCONT'));
    });
    expect(await allEnded(client, ids)).toBeGreaterThan(0);
    expect(await platform.stop()).toBe(0);
  });

  it('failure mode 18: PostgreSQL is killed under load, three times', async () => {
    const { platform, client } = await start();
    const ids = await postedDuring(client, async () => {
      for (let times = 0; times < 3; times += 1) {
        const killed = await killPostmaster(platform);
        await until('another one runs', () => postmasterOf(platform) !== killed);
        await until('the backend is ready', async () => (await fetch(`${platform.url}/ready`)).ok);
      }
    });
    await allEnded(client, ids);
    expect(await platform.stop()).toBe(0);
  });

  withRedis('failure mode 11: the backend dies between accepting and publishing', async () => {
    const { platform, client, redis } = await startOnRedis();
    await redis.kill9();
    const ids: string[] = [];
    for (let execution = 0; execution < 6; execution += 1)
      ids.push(await client.post('invoices', filesOf(execution)));
    platform.kill9('backend');
    await redis.restart();
    await allEnded(client, ids);
    expect(await platform.stop()).toBe(0);
  });

  withRedis('failure mode 11: the broker is away for 20 s while requests come in', async () => {
    const { platform, client, redis } = await startOnRedis();
    const ids = await postedDuring(client, async () => {
      await redis.kill9();
      await pause(20_000); // How long it is away is what this is about.
      await redis.restart();
    });
    expect(ids.length).toBeGreaterThan(10);
    await allEnded(client, ids);
    expect(await platform.stop()).toBe(0);
  });

  it('failure mode 22: workers are killed in a loop, and afterwards depths and registry are right', async () => {
    const { platform, client } = await start();
    const ids = await postedDuring(client, async (accepted) => {
      for (let times = 0; times < 4; times += 1)
        for (const name of ['file-processing', 'callback', 'api-deployment']) {
          const killed = platform.pidOf(name);
          if (name === 'file-processing') await freezeAtWork(killed, client, accepted);
          platform.kill9(name);
          await until(`another ${name} is heard of`, async () =>
            (await heardOf(platform, name)).some((pid) => pid !== killed && pid === platform.pidOf(name)),
          );
        }
    });
    expect(await allEnded(client, ids)).toBeGreaterThan(0);
    for (const name of ['api-deployment', 'callback', 'file-processing', 'general'])
      await until(`${name} is heard of as the one process that runs`, async () => {
        expect(await heardOf(platform, name)).toEqual([platform.pidOf(name)]);
        return true;
      });
    await until('no queue holds anything', async () => {
      const { queues } = await asked<QueuesResponse>(platform, '/api/v1/queues');
      return queues.every(({ queued, running }) => queued + running === 0);
    });
    expect(await platform.stop()).toBe(0);
  });
});

describe('an execution of which nothing could be processed', () => {
  it('failure mode 13: is an ERROR, with the reason for each file; one bad file harms no other', async () => {
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
  });
});
