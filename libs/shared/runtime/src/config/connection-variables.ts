import { z } from 'zod';
import {
  BROKER_URL_FORMS,
  BrokerUrlError,
  readBrokerUrl,
  withRedisPassword,
  withRedisSetting,
} from './broker-url.ts';
import { key, text, url } from './schemas.ts';
import { defaulting, optional, required } from './variable.ts';

/** A broker's URL, as `readBrokerUrl` in `broker-url.ts` understands it. */
const brokerUrlText = z.string().superRefine((spelled, context) => {
  try {
    readBrokerUrl(spelled);
  } catch (error) {
    if (!(error instanceof BrokerUrlError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
});

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
    schema: brokerUrlText,
    range: BROKER_URL_FORMS,
    help: 'The broker that delivers work. `longshore up` uses its own database when this is not set.',
    readBy: ['backend', 'worker', 'cli'],
    secret: true,
    aliases: ['REDIS_URL', 'CELERY_BROKER_BASE_URL'],
    complete: [
      { from: 'REDIS_PASSWORD', apply: withRedisPassword },
      { from: 'REDIS_SENTINEL_PASSWORD', apply: withRedisSetting('sentinel_password') },
      { from: 'BROKER_CA_FILE', apply: withRedisSetting('ca_file') },
      { from: 'BROKER_CERT_FILE', apply: withRedisSetting('cert_file') },
      { from: 'BROKER_KEY_FILE', apply: withRedisSetting('key_file') },
    ],
  }),
  redisPassword: optional({
    env: 'REDIS_PASSWORD',
    schema: text,
    range: 'any text',
    help: 'The password of the Redis broker, used when its URL has none.',
    readBy: ['backend', 'worker', 'cli'],
    secret: true,
  }),
  redisSentinelPassword: optional({
    env: 'REDIS_SENTINEL_PASSWORD',
    schema: text,
    range: 'any text',
    help: 'The password of the Sentinels, where they want one of their own.',
    readBy: ['backend', 'worker', 'cli'],
    secret: true,
  }),
  brokerCaFile: optional({
    env: 'BROKER_CA_FILE',
    schema: text,
    range: 'path of a PEM file',
    help: "The authority that signed a Redis broker's certificate, when it is not a public one. Needs rediss://.",
    readBy: ['backend', 'worker', 'cli'],
  }),
  brokerCertFile: optional({
    env: 'BROKER_CERT_FILE',
    schema: text,
    range: 'path of a PEM file',
    help: 'The certificate by which we prove ourselves to a Redis broker that asks for one.',
    readBy: ['backend', 'worker', 'cli'],
  }),
  brokerKeyFile: optional({
    env: 'BROKER_KEY_FILE',
    schema: text,
    range: 'path of a PEM file',
    help: 'The private key of BROKER_CERT_FILE.',
    readBy: ['backend', 'worker', 'cli'],
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
