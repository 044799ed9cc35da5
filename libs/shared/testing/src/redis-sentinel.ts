import { launchRedis, REDIS_SETTINGS, redisHolds, type RedisProcess } from './redis-process.ts';

/** A master with two replicas, and three Sentinels that watch them, as six processes. */
export interface TestRedisSentinel {
  readonly url: string;
  readonly sentinels: readonly RedisProcess[];
  /** Whom the Sentinels name as master. */
  master(): Promise<RedisProcess>;
  /** Resolves when the Sentinels name another master than this one, and it takes writes. */
  failedOver(from: RedisProcess): Promise<RedisProcess>;
  /** SIGKILL to all. */
  kill9(): Promise<void>;
  /** Starts all again as at first, empty. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const NAME = 'longshore';
const SENTINELS = 3;
const REPLICAS = 2;

export async function startRedisSentinel(): Promise<TestRedisSentinel> {
  const master = await launchRedis();
  const following = [...REDIS_SETTINGS, '--replicaof', `127.0.0.1 ${master.port}`];
  const replicas = await Promise.all(
    Array.from({ length: REPLICAS }, () => launchRedis({ settings: following })),
  );
  const file = watching(master.port);
  const sentinels = await Promise.all(
    Array.from({ length: SENTINELS }, () => launchRedis({ settings: ['--sentinel'], file })),
  );
  const servers = [master, ...replicas];
  const named = () => masterAsNamed(sentinels, servers);
  const settled = () =>
    redisHolds('the Sentinels know one another and the replicas', () => isSettled(sentinels));
  await settled();
  const all = [...sentinels, ...servers];
  return {
    url: `redis-sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join()}/${NAME}`,
    sentinels,
    master: named,
    failedOver: (from) => failedOver(from, named),
    kill9: async () => void (await Promise.all(all.map((process) => process.kill9()))),
    restart: async () => {
      for (const process of [...servers, ...sentinels]) await process.restart();
      await settled();
    },
    stop: async () => void (await Promise.all(all.map((process) => process.stop()))),
  };
}

function watching(port: number): string {
  return [
    `sentinel monitor ${NAME} 127.0.0.1 ${port} 2`,
    `sentinel down-after-milliseconds ${NAME} 1000`,
    `sentinel failover-timeout ${NAME} 3000`,
    '',
  ].join('\n');
}

async function masterAsNamed(
  sentinels: readonly RedisProcess[],
  servers: readonly RedisProcess[],
): Promise<RedisProcess> {
  const said = await Promise.any(
    sentinels.map((sentinel) => sentinel.text('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)),
  );
  const port = Number(said.split('\r\n')[4]);
  return servers.find((server) => server.port === port)!;
}

async function failedOver(from: RedisProcess, named: () => Promise<RedisProcess>): Promise<RedisProcess> {
  await redisHolds('the Sentinels name another master', async () => {
    const now = await named();
    return now !== from && (await now.text('ROLE')).includes('master');
  });
  return named();
}

async function isSettled(sentinels: readonly RedisProcess[]): Promise<boolean> {
  const said = await Promise.all(sentinels.map((sentinel) => sentinel.text('INFO', 'sentinel')));
  return said.every(
    (text) => text.includes(`status=ok`) && text.includes(`slaves=${REPLICAS},sentinels=${SENTINELS}`),
  );
}
