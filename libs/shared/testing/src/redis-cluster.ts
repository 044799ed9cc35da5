import { freePort } from './free-port.ts';
import { launchRedis, REDIS_SETTINGS, redisHolds, type RedisProcess } from './redis-process.ts';

/** A Redis Cluster of three masters, each with a replica, as six processes. */
export interface TestRedisCluster {
  readonly url: string;
  readonly nodes: readonly RedisProcess[];
  /** Masters that answer. */
  masters(): Promise<readonly RedisProcess[]>;
  /** The master that serves this key. */
  masterOf(key: string): Promise<RedisProcess>;
  /** Resolves when all slots are served, each by a master that is alive. */
  whole(): Promise<void>;
  stop(): Promise<void>;
}

const SLOTS = 16_384;
const MASTERS = 3;
const NODE_TIMEOUT_MS = 1_500;

/** Starts it; `settings` are added to those of each node. */
export async function startRedisCluster(settings: readonly string[] = []): Promise<TestRedisCluster> {
  const nodes = await Promise.all(Array.from({ length: 2 * MASTERS }, () => launchNode(settings)));
  const members = nodes.map(({ node }) => node);
  await form(nodes);
  const cluster: TestRedisCluster = {
    url: `redis-cluster://${members.map(({ port }) => `127.0.0.1:${port}`).join()}`,
    nodes: members,
    masters: () => mastersOf(members),
    masterOf: async (key) => {
      const slot = Number(await firstAnswer(members, (node) => node.command('CLUSTER', 'KEYSLOT', key)));
      const port = await firstAnswer(members, (node) => servingPort(node, slot));
      return members.find((node) => node.port === port)!;
    },
    whole: () => redisHolds('all slots of the cluster are served', () => isWhole(members)),
    stop: async () => void (await Promise.all(members.map((node) => node.stop()))),
  };
  await cluster.whole();
  return cluster;
}

interface Member {
  readonly node: RedisProcess;
  readonly busPort: number;
}

async function launchNode(settings: readonly string[]): Promise<Member> {
  const busPort = await freePort();
  const clustered = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)];
  const quick = ['--cluster-node-timeout', String(NODE_TIMEOUT_MS), '--cluster-replica-validity-factor', '0'];
  return {
    node: await launchRedis({ settings: [...REDIS_SETTINGS, ...clustered, ...quick, ...settings] }),
    busPort,
  };
}

async function form(nodes: readonly Member[]): Promise<void> {
  const [first, ...others] = nodes;
  const share = Math.ceil(SLOTS / MASTERS);
  for (const [index, { node }] of nodes.slice(0, MASTERS).entries()) {
    const [from, to] = [index * share, Math.min(SLOTS, (index + 1) * share) - 1];
    await node.command('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
    await node.command('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
  }
  for (const { node, busPort } of others) {
    await first!.node.command('CLUSTER', 'MEET', '127.0.0.1', String(node.port), String(busPort));
  }
  for (const [index, { node }] of nodes.slice(MASTERS).entries()) {
    const id = (await nodes[index]!.node.text('CLUSTER', 'MYID')).split('\r\n')[1]!;
    // It must have heard of its master first.
    await redisHolds('a replica knows its master', async () =>
      (await node.command('CLUSTER', 'REPLICATE', id)).startsWith('OK'),
    );
  }
  await redisHolds('all know of each replica', async () => {
    const known = await Promise.all(nodes.map(({ node }) => node.text('CLUSTER', 'NODES')));
    return known.every((text) => text.match(/ (myself,)?slave /g)?.length === nodes.length - MASTERS);
  });
}

async function mastersOf(members: readonly RedisProcess[]): Promise<RedisProcess[]> {
  const roles = await Promise.all(members.map((node) => node.text('ROLE').catch(() => '')));
  return members.filter((_, index) => roles[index]!.includes('master'));
}

async function isWhole(members: readonly RedisProcess[]): Promise<boolean> {
  const masters = await mastersOf(members);
  const states = await Promise.all(masters.map((node) => node.text('CLUSTER', 'INFO')));
  return masters.length === MASTERS && states.every((state) => state.includes('cluster_state:ok'));
}

/** The port of the master that this node believes to serve the slot. */
async function servingPort(node: RedisProcess, slot: number): Promise<number> {
  const shards = await node.text('CLUSTER', 'NODES');
  for (const line of shards.split('\n')) {
    const [, address, flags, , , , , , ...ranges] = line.trim().split(' ');
    const serves = ranges.some((range) => {
      const [from, to = from] = range.split('-').map(Number);
      return slot >= from! && slot <= to!;
    });
    if (serves && flags?.includes('master') && !flags.includes('fail'))
      return Number(/:(\d+)@/.exec(address!)![1]);
  }
  throw new Error(`nobody serves slot ${slot}`);
}

function firstAnswer<T>(
  members: readonly RedisProcess[],
  question: (node: RedisProcess) => Promise<T>,
): Promise<T> {
  return Promise.any(members.map(question));
}
