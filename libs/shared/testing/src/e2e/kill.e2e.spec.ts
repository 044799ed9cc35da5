import { describe, expect, it } from '@jest/globals';
import { type Client, faultyPlatform, freezeAtWork, withRedis } from './faulty-platform.fixture.ts';

const BEFORE = 5;
const AFTER = 6;
const { start, startOnRedis, post, allEnded } = faultyPlatform(5, { lines: 20_000 });

/** Posts, breaks something in the middle, and holds the outcome against the client's own list. */
async function surviving(client: Client, fault: (accepted: readonly string[]) => unknown): Promise<number> {
  const ids: string[] = [];
  const send = async (count: number) => {
    for (let i = 0; i < count; i += 1) ids.push(await post(client, ids.length));
  };
  await send(BEFORE);
  do await send(1);
  while (!(await isBeingRead(client, ids.at(-1)!)));
  await fault(ids);
  await send(AFTER);
  return await allEnded(client, ids);
}

/** Waits until a file of the execution is being read; false when it ended before that was seen. */
async function isBeingRead(client: Client, id: string): Promise<boolean> {
  for (;;) {
    const detail = await client.detail(id);
    if (detail?.files.some(({ state }) => state === 'running')) return true;
    if (detail?.status === 'COMPLETED') return false;
  }
}

describe('failure modes 1 and 18: every accepted execution ends once, with one result per file, after a kill -9 of', () => {
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
    'failure mode 17: file-processing, on Redis, which is wiped as well',
    async () => {
      const { platform, client, redis } = await startOnRedis();
      const restarted = await surviving(client, async (accepted) => {
        await freezeAtWork(platform.pidOf('file-processing'), client, accepted);
        platform.kill9('file-processing');
        await redis.flushAll();
      });
      expect(restarted).toBeGreaterThan(0);
    },
    180_000,
  );
});
