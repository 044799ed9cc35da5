import { key, text, url } from './schemas.ts';
import { defaulting, optional, required } from './variable.ts';

const NO_AMQP =
  'names RabbitMQ (amqp://), which cannot serve here: delivery is built on BullMQ, which runs on Redis or PostgreSQL';

/** A password kept apart from its URL, as Compose files do, goes where the URL has none. */
function withPassword(spelled: string, password: string): string {
  if (!/^rediss?:/i.test(spelled) || !URL.canParse(spelled)) return spelled;
  const parsed = new URL(spelled);
  if (parsed.password !== '') return spelled;
  parsed.password = encodeURIComponent(password);
  return parsed.href;
}

/** Where the other parties are, and what proves who we are. */
export const connectionVariables = {
  databaseUrl: required({
    env: 'DATABASE_URL',
    schema: url(['postgres', 'postgresql']),
    range: 'postgres:// or postgresql://',
    help: 'The database that holds the truth. `longshore up` starts one of its own when this is not set.',
    readBy: ['backend', 'cli'],
    secret: true,
  }),
  brokerUrl: required({
    env: 'BROKER_URL',
    schema: url(['redis', 'rediss', 'postgres', 'postgresql'], { amqp: NO_AMQP, amqps: NO_AMQP }),
    range: 'redis://, rediss://, postgres:// or postgresql://',
    help: 'The broker that delivers work. `longshore up` uses its own database when this is not set.',
    readBy: ['backend', 'worker', 'cli'],
    secret: true,
    aliases: ['REDIS_URL', 'CELERY_BROKER_BASE_URL'],
    complete: { from: 'REDIS_PASSWORD', apply: withPassword },
  }),
  redisPassword: optional({
    env: 'REDIS_PASSWORD',
    schema: text,
    range: 'any text',
    help: 'The password of the Redis broker, used when its URL has none.',
    readBy: ['backend', 'worker', 'cli'],
    secret: true,
  }),
  internalApiBaseUrl: defaulting('http://127.0.0.1:8000/internal', {
    env: 'INTERNAL_API_BASE_URL',
    schema: url(['http', 'https']),
    range: 'http:// or https://',
    help: 'The internal API of the backend, through which workers read and change state.',
    readBy: ['worker'],
  }),
  internalServiceApiKey: required({
    env: 'INTERNAL_SERVICE_API_KEY',
    schema: key,
    range: '16 or more printable ASCII characters',
    help: 'The key by which workers prove themselves to the backend.',
    readBy: ['worker'],
    secret: true,
  }),
  longshoreUrl: optional({
    env: 'LONGSHORE_URL',
    schema: url(['http', 'https']),
    range: 'http:// or https://',
    help: 'The public API that the command line talks to; the platform of LONGSHORE_HOME when not set.',
    readBy: ['cli'],
  }),
  apiKey: optional({
    env: 'LONGSHORE_API_KEY',
    schema: key,
    range: '16 or more printable ASCII characters',
    help: 'The key of an organisation, by which the command line calls the public API.',
    readBy: ['cli'],
    secret: true,
  }),
  adminApiKey: optional({
    env: 'LONGSHORE_ADMIN_API_KEY',
    schema: key,
    range: '16 or more printable ASCII characters',
    help: 'The key that may manage organisations and keys.',
    readBy: ['cli'],
    secret: true,
  }),
} as const;
