import { costsOf, type Costs } from './costs.ts';
import { instanceFolder, startInstance, type Instance, type InstanceOptions } from './instance.ts';
import type { Sizes } from './options.ts';
import { bullmq, type PeerFigures } from './peers.ts';
import { connected, type Servers } from './servers.ts';
import { prepareDrain, type Door } from './work.ts';

export type Broker = 'redis' | 'embedded';

export interface DrainFigures {
  readonly perSecond: number;
  /** Of one run. */
  readonly costs: Costs;
}

export interface DrainRound extends DrainFigures {
  readonly peer: PeerFigures;
}

/** Runs that do nothing, waiting in the database, and as many jobs of bare BullMQ on the same server. */
export async function measureDrain(servers: Servers, broker: Broker, sizes: Sizes): Promise<DrainRound> {
  const figures = await onFreshInstance(servers, broker, sizes, (instance, door) =>
    drainOnce(instance, door, sizes),
  );
  const peer = await bullmq(await emptyBroker(servers, broker), sizes);
  return { ...figures, peer };
}

/** A broker that nobody has used. */
async function emptyBroker(servers: Servers, broker: Broker): Promise<string> {
  if (broker === 'embedded') return servers.database();
  await servers.redis.flushAll();
  return servers.redis.url;
}

/** Starts a platform on an empty database and an empty broker for as long as `use` takes. */
export async function onFreshInstance<T>(
  servers: Servers,
  broker: Broker,
  options: Pick<Sizes, 'concurrency' | 'profile'> & Partial<InstanceOptions>,
  use: (instance: Instance, door: Door) => Promise<T>,
): Promise<T> {
  const instance = await startInstance({
    folder: await instanceFolder(servers.folder),
    databaseUrl: await servers.database(),
    brokerUrl: await emptyBroker(servers, broker),
    ...options,
  });
  try {
    return await connected(instance.databaseUrl, (client) => use(instance, { client, pool: instance.pool }));
  } finally {
    await instance.stop();
  }
}

/** A drain on a platform that has warmed up with another. */
export async function drainOnce(
  instance: Instance,
  door: Door,
  { runs, warmUp, payload, parcel }: Pick<Sizes, 'runs' | 'warmUp' | 'payload' | 'parcel'>,
): Promise<DrainFigures> {
  const noops = { task: 'bench.noop', payload: 'x'.repeat(payload), parcel };
  await (await prepareDrain(door, { ...noops, count: warmUp })).go();
  const drain = await prepareDrain(door, { ...noops, count: runs });
  const { result: tookMs, costs } = await costsOf(instance, runs, drain.go);
  await drain.check();
  return { perSecond: (runs * 1000) / tookMs, costs };
}
