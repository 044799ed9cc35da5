import { describe, expect, it } from '@jest/globals';
import { type Client, faultyPlatform, withRedis } from './faulty-platform.fixture.ts';

const EXECUTIONS = 12;
const { start, startOnRedis, post, allEnded } = faultyPlatform(5);

/** Posts, breaks something in the middle, and holds the outcome against the client's own list. */
async function surviving(client: Client, fault: () => unknown): Promise<number> {
  const ids: string[] = [];
  for (let execution = 0; execution < EXECUTIONS; execution += 1) {
    if (execution === EXECUTIONS / 2) await fault();
    ids.push(await post(client, execution));
  }
  return await allEnded(client, ids);
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
      const { platform, client, redis } = await startOnRedis();
      const restarted = await surviving(client, async () => {
        platform.kill9('file-processing');
        await redis.flushAll();
      });
      expect(restarted).toBeGreaterThan(0);
    },
    180_000,
  );
});
