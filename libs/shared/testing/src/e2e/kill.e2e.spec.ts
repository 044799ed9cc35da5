import { afterEach, describe, expect, it } from '@jest/globals';
import { redisIsAvailable, startRedis, type TestRedis } from '../redis.ts';
import { startPlatform, type TestPlatform } from '../platform.ts';
import { deploymentClient, invoice, invoiceWorkflow } from './deployment-client.fixture.ts';

/** Skipped, and so named at the end of the run, where there is no Redis. */
const withRedis = (await redisIsAvailable()) ? it : it.skip;

const EXECUTIONS = 12;
const FILES = 5;
const BOUND_MS = 90_000;

let platform: TestPlatform | undefined;
let redis: TestRedis | undefined;
afterEach(async () => {
  await platform?.stop();
  await redis?.stop();
  platform = undefined;
  redis = undefined;
}, 60_000);

async function start(env: Record<string, string> = {}) {
  platform = await startPlatform({
    SESSION_TIMEOUT: '4',
    MAX_UNFINISHED_EXECUTIONS_PER_ORGANISATION: '100',
    ...env,
  });
  const client = deploymentClient(platform);
  await client.apply(invoiceWorkflow);
  return { platform, client };
}

/** Files that differ, large enough that a kill finds some of them half read. */
function filesOf(execution: number): Map<string, string> {
  const names = Array.from({ length: FILES }, (_, file) => `${execution}-${file}`);
  return new Map(names.map((name) => [`${name}.txt`, invoice(name, 8_000)]));
}

/** Posts, breaks something in the middle, and holds the outcome against the client's own list. */
async function surviving(client: ReturnType<typeof deploymentClient>, fault: () => unknown): Promise<number> {
  const ids: string[] = [];
  for (let execution = 0; execution < EXECUTIONS; execution += 1) {
    if (execution === EXECUTIONS / 2) await fault();
    ids.push(await client.post('invoices', filesOf(execution)));
  }
  expect(new Set(ids).size).toBe(EXECUTIONS);
  let restarted = 0;
  for (const [execution, id] of ids.entries()) {
    const detail = await client.ended(id, BOUND_MS);
    expect(detail).toMatchObject({
      status: 'COMPLETED',
      total_files: FILES,
      successful_files: FILES,
      failed_files: 0,
    });
    const numbers = detail.result!.map((result) => (result.result!.output as { number: string }).number);
    expect(numbers).toEqual(Array.from({ length: FILES }, (_, file) => `${execution}-${file}`));
    restarted += detail.files.filter((file) => file.starts > 1).length;
  }
  return restarted;
}

describe('every accepted execution ends once, with one result per file, after a kill -9 of', () => {
  it.each(['api-deployment', 'file-processing', 'callback', 'general', 'backend'])(
    '%s',
    async (name) => {
      const { platform, client } = await start();
      await surviving(client, () => platform.kill9(name));
      expect(await platform.stop()).toBe(0);
    },
    180_000,
  );

  withRedis(
    'file-processing, on Redis, which is wiped as well',
    async () => {
      redis = await startRedis();
      const { platform, client } = await start({ BROKER_URL: redis.url });
      const restarted = await surviving(client, async () => {
        platform.kill9('file-processing');
        await redis!.flushAll();
      });
      expect(restarted).toBeGreaterThan(0);
    },
    180_000,
  );
});
