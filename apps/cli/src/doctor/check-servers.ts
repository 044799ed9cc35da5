import { queryOnce } from '@longshore/embedded-postgres';
import { type Finding, ok, wrong } from './finding.ts';
import { redisPolicy } from './ask-redis.ts';

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
      : await checkPostgres('database', databaseUrl, 'DATABASE_URL'),
    brokerUrl === undefined ? ok('broker', '"longshore up" starts its own') : await checkBroker(brokerUrl),
  ];
}

function checkBroker(url: string): Promise<Finding> {
  return url.startsWith('redis') ? checkRedis(url) : checkPostgres('broker', url, 'BROKER_URL');
}

async function checkPostgres(check: string, url: string, variable: string): Promise<Finding> {
  try {
    const [row] = await queryOnce<{ server_version: string }>(url, 'show server_version');
    return ok(check, `PostgreSQL ${row?.server_version ?? ''} answers at ${shown(url)}`);
  } catch (error) {
    return wrong(check, `${shown(url)}: ${reasonOf(error)}`, `Start it, or correct ${variable}.`);
  }
}

async function checkRedis(url: string): Promise<Finding> {
  try {
    const policy = await redisPolicy(url);
    if (policy === undefined || policy === 'noeviction')
      return ok('broker', `Redis answers at ${shown(url)}`);
    const found = `the Redis at ${shown(url)} drops keys when its memory is full (maxmemory-policy is ${policy})`;
    const mend =
      'Set "maxmemory-policy noeviction" in redis.conf, or: redis-cli config set maxmemory-policy noeviction';
    return wrong('broker', found, mend);
  } catch (error) {
    return wrong('broker', `${shown(url)}: ${reasonOf(error)}`, 'Start it, or correct BROKER_URL.');
  }
}

/** Without user, password and options. */
function shown(url: string): string {
  return new URL(url).host;
}

/** An address that stands for several machines fails with one reason for each. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  const { code, message } = error as NodeJS.ErrnoException;
  return message === '' ? (code ?? 'it does not answer') : message;
}
