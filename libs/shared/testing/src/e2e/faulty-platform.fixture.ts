import { afterEach, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { redisIsAvailable, startRedis, type TestRedis } from '../redis.ts';
import { startPlatform, type TestPlatform } from '../platform.ts';
import { deploymentClient, invoice, invoiceWorkflow } from './deployment-client.fixture.ts';

/** Within which every accepted execution has ended, whatever was done to the platform. */
const BOUND_MS = 90_000;
const LOOK_EVERY_MS = 50;
/** What a client may be told while it is to wait. */
const TOLD = /^answer 503/;

export type Client = ReturnType<typeof deploymentClient>;

/** Skipped, and so named at the end of the run, where there is no Redis. */
export const withRedis = (await redisIsAvailable()) ? it : it.skip;

/** Platforms and a Redis of a spec file, ended after each test. */
export function faultyPlatform(files: number, { lines = 8_000 } = {}) {
  let platform: TestPlatform | undefined;
  let redis: TestRedis | undefined;
  afterEach(async () => {
    await platform?.stop();
    await redis?.stop();
    platform = undefined;
    redis = undefined;
  });

  /** A platform that gives up a silent worker soon, with a deployment `invoices`. */
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

  async function startOnRedis() {
    redis = await startRedis();
    return { ...(await start({ BROKER_URL: redis.url })), redis };
  }

  /** Files that differ, large enough that a fault finds some of them half read. */
  function filesOf(execution: number): Map<string, string> {
    const names = Array.from({ length: files }, (_, file) => `${execution}-${file}`);
    return new Map(names.map((name) => [`${name}.txt`, invoice(name, lines)]));
  }

  /** Posts as a client should: one that is told to come again (503) comes again; any other refusal is an error. */
  async function post(client: Client, execution: number): Promise<string> {
    for (;;) {
      try {
        return await client.post('invoices', filesOf(execution));
      } catch (error) {
        if (!TOLD.test((error as Error).message)) throw error;
        await pause(300);
      }
    }
  }

  /** Every accepted execution ended well, with one right result per file; answers how many files were started again. */
  async function allEnded(client: Client, ids: readonly string[]): Promise<number> {
    expect(new Set(ids).size).toBe(ids.length);
    let again = 0;
    for (const [execution, id] of ids.entries()) {
      const detail = await client.ended(id, BOUND_MS);
      const errors = detail.result?.map(({ error }) => error) ?? detail;
      expect({ execution, errors }).toEqual({ execution, errors: Array(files).fill(null) });
      expect(detail).toMatchObject({ status: 'COMPLETED', successful_files: files, failed_files: 0 });
      const numbers = detail.result!.map((result) => (result.result!.output as { number: string }).number);
      expect(numbers).toEqual(Array.from({ length: files }, (_, file) => `${execution}-${file}`));
      again += detail.files.filter((file) => file.starts > 1).length;
    }
    return again;
  }
  return { start, startOnRedis, filesOf, post, allEnded };
}

/** What an administrator is answered. Rejects when nobody answers, or not with success. */
export async function asked<T>({ url, adminKey }: TestPlatform, path: string): Promise<T> {
  const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${adminKey}` } });
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()) as T;
}

/** Waits until it holds; a probe that rejects says "not yet". @throws when it does not within a minute. */
export async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const isSo = await (async () => holds())().catch(() => false);
    if (isSo) return;
    if (performance.now() > deadline) throw new Error(`not within a minute: ${what}`);
    await pause(LOOK_EVERY_MS);
  }
}

/** SIGSTOP to the only worker of files, at a moment when it has begun one and not ended it. */
export async function freezeAtWork(pid: number, client: Client, ids: readonly string[]): Promise<void> {
  await until('it is frozen in the middle of its files', async () => {
    process.kill(pid, 'SIGSTOP');
    // What it had told before is written by now; what is running then stays so.
    await pause(200);
    if (await hasFileAtWork(client, ids)) return true;
    process.kill(pid, 'SIGCONT');
    return false;
  });
}

async function hasFileAtWork(client: Client, ids: readonly string[]): Promise<boolean> {
  const details = await Promise.all(ids.map((id) => client.detail(id)));
  return details.some((detail) => detail?.files.some(({ state }) => state === 'running'));
}
