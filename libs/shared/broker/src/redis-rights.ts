import type { RedisClient } from './redis-client.ts';
import { BrokerConfigurationError } from './broker-url.ts';
import type { RedisAddress } from './broker-url.ts';

/** The braces are a hash tag: on a Redis Cluster all keys of all queues then lie in one slot. */
export const KEY_PREFIX = '{longshore}';

/**
 * The least that a user of the broker may do, as `ACL SETUSER` takes it: anything that has to do with its own keys, and
 * nothing with those of others, the server, or its other users.
 */
export const LEAST_RIGHTS = [
  `~${KEY_PREFIX}:*`,
  'resetchannels',
  '-@all +@hash +@list +@set +@sortedset +@string +@stream +@transaction +@connection -@dangerous',
  '+del +exists +expire +pexpire +persist +ttl +pttl +type +eval +evalsha +info +cluster|slots +cluster|info',
].join(' ');

/** What the broker is asked to do, one example of each. */
const NEEDED = [
  ...['DEL k', 'EXISTS k', 'PEXPIRE k 1', 'PERSIST k', 'PTTL k', 'GET k', 'SET k v', 'INCR k'],
  ...[
    'HSET k f v',
    'HMSET k f v',
    'HGET k f',
    'HMGET k f',
    'HGETALL k',
    'HDEL k f',
    'HEXISTS k f',
    'HINCRBY k f 1',
  ],
  ...['LPUSH k v', 'LREM k 1 v', 'LRANGE k 0 1', 'LLEN k', 'LPOS k v', 'LTRIM k 0 1', 'RPOPLPUSH k k'],
  ...['SADD k v', 'SREM k v', 'SCARD k', 'SMEMBERS k'],
  ...['ZADD k 1 v', 'ZREM k v', 'ZSCORE k v', 'ZCARD k', 'ZPOPMIN k', 'BZPOPMIN k 1', 'ZRANGE k 0 1'],
  ...['ZRANGEBYSCORE k 0 1', 'ZREVRANGE k 0 1', 'ZREVRANGEBYSCORE k 1 0', 'ZREMRANGEBYSCORE k 0 1'],
  ...['ZREMRANGEBYRANK k 0 1', 'XADD k * f v', 'XTRIM k MAXLEN 1', 'EVALSHA s 1 k', 'MULTI', 'EXEC', 'PING'],
];

/** Redis 6 cannot be asked this way, and commands that a server does not know are not needed there. */
const DENIED = `
  if not redis.acl_check_cmd then return {} end
  local denied = {}
  for _, example in ipairs(ARGV) do
    local words = {}
    for word in string.gmatch(example, '%S+') do
      table.insert(words, word == 'k' and KEYS[1] or word)
    end
    local known, allowed = pcall(redis.acl_check_cmd, unpack(words))
    if known and not allowed then table.insert(denied, words[1]) end
  end
  return denied`;

/**
 * Asks the server whether this user may do all that the broker needs.
 * @throws {BrokerConfigurationError} that names the rights it lacks, and the line that grants them.
 */
export async function refuseFewRights(client: RedisClient, { redis, shown }: RedisAddress): Promise<void> {
  const denied = (await client.eval(DENIED, 1, `${KEY_PREFIX}:rights`, ...NEEDED)) as string[];
  if (denied.length === 0) return;
  throw new BrokerConfigurationError(
    `The Redis at ${shown} does not let the user "${redis.username ?? 'default'}" run ${denied.join(', ')} on the keys ` +
      `${KEY_PREFIX}:*. ${grant(redis.username)}`,
  );
}

/** What to run so that a user has the rights it needs. */
export function grant(username = 'longshore'): string {
  return `Grant it: ACL SETUSER ${username} ${LEAST_RIGHTS}`;
}
