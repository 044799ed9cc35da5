import { queryOnce } from '@longshore/embedded-postgres';
import { type RedisPlace, readBrokerUrl } from '@longshore/runtime';
import { redisFacts } from './ask-redis.ts';
import { type Finding, ok, wrong } from './finding.ts';
import { redisVersionFinding } from './redis-version.ts';

export interface Servers {
  /** Undefined: the one that `longshore up` starts. */
  readonly databaseUrl: string | undefined;
  readonly brokerUrl: string | undefined;
}

/** Database and broker as the settings name them, for when no backend runs that could tell. */
export async function checkServers({ databaseUrl, brokerUrl }: Servers): Promise<Finding[]> {
  return [
    databaseUrl === undefined
      ? ok('database', '"longshore up" starts its own')
      : await checkPostgres(databaseUrl, {
          check: 'database',
          variable: 'DATABASE_URL',
          shown: new URL(databaseUrl).host,
        }),
    ...(brokerUrl === undefined
      ? [ok('broker', '"longshore up" starts its own')]
      : await checkBroker(brokerUrl)),
  ];
}

async function checkBroker(url: string): Promise<Finding[]> {
  const place = readBrokerUrl(url);
  if (place.kind === 'redis') return await checkRedis(place.redis, place.shown);
  return [await checkPostgres(url, { check: 'broker', variable: 'BROKER_URL', shown: place.shown })];
}

interface Naming {
  readonly check: string;
  readonly variable: string;
  /** The address without user, password and options. */
  readonly shown: string;
}

async function checkPostgres(url: string, { check, variable, shown }: Naming): Promise<Finding> {
  try {
    const [row] = await queryOnce<{ server_version: string }>(url, 'show server_version');
    return ok(check, `PostgreSQL ${row?.server_version ?? ''} answers at ${shown}`);
  } catch (error) {
    const reason = without([decodeURIComponent(new URL(url).password)], reasonOf(error));
    return wrong(check, `${shown}: ${reason}`, `Start it, or correct ${variable}.`);
  }
}

async function checkRedis(place: RedisPlace, shown: string): Promise<Finding[]> {
  try {
    const { version, policy } = await redisFacts(place);
    const found = redisVersionFinding(version, shown);
    return policy === undefined || policy === 'noeviction' ? [found] : [found, evicts(policy, shown)];
  } catch (error) {
    const reason = without([place.password, place.settings.sentinel_password], reasonOf(error));
    return [wrong('broker', `${shown}: ${reason}`, 'Start it, or correct BROKER_URL.')];
  }
}

function evicts(policy: string, shown: string): Finding {
  const found = `the Redis at ${shown} drops keys when its memory is full (maxmemory-policy is ${policy})`;
  const mend =
    'Set "maxmemory-policy noeviction" in redis.conf, or: redis-cli config set maxmemory-policy noeviction';
  return wrong('broker', found, mend);
}

/** An address that stands for several machines fails with one reason for each. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  const { code, message } = error as NodeJS.ErrnoException;
  return message === '' ? (code ?? 'it does not answer') : message;
}

/** Servers repeat what they were told, passwords among it. */
function without(secrets: readonly (string | undefined)[], text: string): string {
  return secrets.reduce<string>((left, secret) => (secret ? left.replaceAll(secret, '***') : left), text);
}
