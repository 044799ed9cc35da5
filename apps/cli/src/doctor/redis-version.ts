import { type Finding, note, ok, wrong } from './finding.ts';

/** BullMQ, which delivers, refuses to work with what is older (its `RedisConnection.minimumVersion`). */
const OLDEST = '5.0';
/** BullMQ advises against what is older (`recommendedMinimumVersion`), and Longshore is not tested with it. */
const OLDEST_ADVISED = '6.2';

/**
 * Whether a Redis of this version can be the broker.
 * @param version as in `7.4.11`; undefined where Redis does not tell
 */
export function redisVersionFinding(version: string | undefined, shown: string): Finding {
  if (version === undefined) {
    const found = `Redis answers at ${shown}, but its version could not be read`;
    return note('broker', found, 'Give its user the right to ask: ACL SETUSER <user> +info.');
  }
  const mend = `Install Redis ${OLDEST_ADVISED} or later; what it holds need not be kept.`;
  const words = `the Redis at ${shown} is version ${version}`;
  if (isOlder(version, OLDEST)) return wrong('broker', `${words}, with which nothing is delivered`, mend);
  if (isOlder(version, OLDEST_ADVISED)) return note('broker', `${words}, which is too old`, mend);
  return ok('broker', `Redis ${version} answers at ${shown}`);
}

/** By major and minor number. */
function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = than.split('.').map(Number);
  return major < leastMajor || (major === leastMajor && minor < leastMinor);
}
