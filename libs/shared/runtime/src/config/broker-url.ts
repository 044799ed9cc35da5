import { resolve } from 'node:path';

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** What a URL says about a Redis: how it is found and what it is told. */
export interface RedisPlace {
  readonly mode: 'single' | 'sentinel' | 'cluster';
  /** One server, the Sentinels, or the nodes of a cluster that are asked first. */
  readonly hosts: readonly HostAndPort[];
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
  /** The name under which the Sentinels know the master. */
  readonly master: string | undefined;
  readonly settings: Readonly<Partial<Record<RedisSetting, string>>>;
}

export type RedisSetting = (typeof TLS_SETTINGS)[number] | (typeof SENTINEL_SETTINGS)[number];

/** `shown` is for people and logs: without user, password and settings. */
export type BrokerPlace =
  | { readonly kind: 'postgres'; readonly shown: string }
  | { readonly kind: 'redis'; readonly shown: string; readonly redis: RedisPlace };

/** The text is no broker's URL. The message continues the sentence "BROKER_URL …" and holds no secret. */
export class BrokerUrlError extends Error {
  override readonly name = 'BrokerUrlError';
}

/** What may be written, in words. */
export const BROKER_URL_FORMS =
  'redis://, redis-sentinel://, redis-cluster://, the same with rediss for TLS, or postgres://';

const TLS_SETTINGS = ['ca_file', 'cert_file', 'key_file', 'server_name'] as const;
const SENTINEL_SETTINGS = ['sentinel_username', 'sentinel_password'] as const;
/** As Python programs spell them, whose URLs are often at hand. */
const ALSO_CALLED: Readonly<Record<string, RedisSetting>> = {
  ssl_ca_certs: 'ca_file',
  ssl_certfile: 'cert_file',
  ssl_keyfile: 'key_file',
};
const NO_VERIFICATION = /^(ssl_cert_reqs|ssl_check_hostname|reject_?unauthorized|insecure|skip_?verify)$/i;

const NO_AMQP =
  'names RabbitMQ (amqp://), which cannot serve here: delivery is built on BullMQ, which runs on Redis or PostgreSQL';

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\/./i;
const REDIS = /^redis(s)?(?:-(sentinel|cluster))?$/;
/** User and password, hosts, path, settings. */
const PARTS = /^[^:]+:\/\/(?:([^@/?#]*)@)?([^@/?#]+)(\/[^@?#]*)?(?:\?([^#]*))?$/;

/**
 * Reads a BROKER_URL: `redis://user:password@host:6379/0`, `redis-sentinel://user:password@h1:26379,h2:26379/master/0`,
 * `redis-cluster://user:password@h1:6379,h2:6379`, with `rediss` for TLS, or `postgres://`.
 * @throws {BrokerUrlError}
 */
export function readBrokerUrl(spelled: string): BrokerPlace {
  const scheme = SCHEME.exec(spelled)?.[1]?.toLowerCase();
  if (scheme === undefined) throw new BrokerUrlError('is not a URL');
  if (scheme === 'amqp' || scheme === 'amqps') throw new BrokerUrlError(NO_AMQP);
  if (scheme === 'postgres' || scheme === 'postgresql') return readPostgresUrl(spelled);
  const kind = REDIS.exec(scheme);
  if (kind === null) throw new BrokerUrlError(`has the scheme ${scheme}://`);
  const mode = (kind[2] ?? 'single') as RedisPlace['mode'];
  const redis = readRedisUrl(spelled, mode, kind[1] !== undefined);
  const hosts = redis.hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`);
  const path = mode === 'cluster' ? '' : [redis.master, redis.db].filter((part) => part !== undefined);
  return { kind: 'redis', shown: `${scheme}://${hosts.join()}${path && `/${path.join('/')}`}`, redis };
}

function readPostgresUrl(spelled: string): BrokerPlace {
  if (!URL.canParse(spelled)) throw new BrokerUrlError('is not a URL');
  const { protocol, host, pathname } = new URL(spelled);
  return { kind: 'postgres', shown: `${protocol}//${host}${pathname}` };
}

function readRedisUrl(spelled: string, mode: RedisPlace['mode'], tls: boolean): RedisPlace {
  const parts = PARTS.exec(spelled);
  if (parts === null) {
    throw new BrokerUrlError('is not a URL (in a password write @ as %40, / as %2F, ? as %3F, # as %23)');
  }
  const [, user = '', hosts = '', path = '', query = ''] = parts;
  const [username, ...password] = user.split(':');
  return {
    mode,
    tls,
    hosts: readHosts(hosts, mode),
    username: decoded(username),
    password: decoded(password.join(':')),
    ...readPath(path.split('/').slice(1), mode),
    settings: readSettings(query, { mode, tls }),
  };
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text === undefined || text === '' ? undefined : decodeURIComponent(text);
  } catch {
    throw new BrokerUrlError('has a user or password with a % that is not written as %25');
  }
}

function readHosts(spelled: string, mode: RedisPlace['mode']): HostAndPort[] {
  const hosts = spelled.split(',').map((each) => {
    const [, bracketed, plain, port] =
      /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/i.exec(each) ?? [];
    const host = bracketed ?? plain;
    const number = Number(port ?? (mode === 'sentinel' ? 26_379 : 6_379));
    if (host === undefined || number < 1 || number > 65_535) {
      throw new BrokerUrlError('is not a URL: its hosts are to be written as host:port, separated by commas');
    }
    return { host, port: number };
  });
  if (mode === 'single' && hosts.length > 1) {
    throw new BrokerUrlError(
      'names several hosts: write redis-sentinel:// before Sentinels, redis-cluster:// before nodes of a cluster',
    );
  }
  return hosts;
}

function readPath(path: readonly string[], mode: RedisPlace['mode']): Pick<RedisPlace, 'db' | 'master'> {
  const [first = '', second = '', ...more] = path;
  const master = mode === 'sentinel' ? decoded(first) : undefined;
  if (mode === 'sentinel' && master === undefined) {
    throw new BrokerUrlError(
      "lacks the master's name after the Sentinels: redis-sentinel://host:26379/mymaster",
    );
  }
  const [db, rest] = mode === 'sentinel' ? [second, more] : [first, [second, ...more].filter(Boolean)];
  if (!/^\d{0,4}$/.test(db) || rest.length > 0) {
    throw new BrokerUrlError('has a path that is no number of a database');
  }
  if (mode === 'cluster' && Number(db) > 0) {
    throw new BrokerUrlError('names a database by number, of which a cluster has only 0');
  }
  return { db: Number(db), master };
}

function readSettings(
  query: string,
  { mode, tls }: Pick<RedisPlace, 'mode' | 'tls'>,
): RedisPlace['settings'] {
  const settings: Partial<Record<RedisSetting, string>> = {};
  for (const [spelled, value] of new URLSearchParams(query)) {
    const name = ALSO_CALLED[spelled] ?? spelled;
    if (isOneOf(TLS_SETTINGS, name)) {
      if (!tls) throw new BrokerUrlError(`has ${name}, which needs TLS: write rediss instead of redis`);
      settings[name] = value;
    } else if (isOneOf(SENTINEL_SETTINGS, name)) {
      if (mode !== 'sentinel') throw new BrokerUrlError(`has ${name}, which only redis-sentinel:// can have`);
      settings[name] = value;
    } else refuseSetting(spelled, value);
  }
  if ((settings.cert_file === undefined) !== (settings.key_file === undefined)) {
    throw new BrokerUrlError('has only one of cert_file and key_file: a client certificate needs both');
  }
  return settings;
}

function isOneOf<const T extends string>(names: readonly T[], name: string): name is T {
  return (names as readonly string[]).includes(name);
}

/** Verification that is asked for goes without saying. */
function refuseSetting(name: string, value: string): void {
  if (!NO_VERIFICATION.test(name)) {
    const known = [...TLS_SETTINGS, ...SENTINEL_SETTINGS].join(', ');
    throw new BrokerUrlError(`has an unknown setting ${name.slice(0, 40)}; there are ${known}`);
  }
  if (/^((cert_)?required|true|1)$/i.test(value) && !/insecure|skip/i.test(name)) return;
  throw new BrokerUrlError(
    `asks with ${name} not to verify the certificate, which is always verified: name the authority with BROKER_CA_FILE`,
  );
}

/** A password kept apart from its URL, as Compose files do, goes where the URL has none. */
export function withRedisPassword(spelled: string, password: string): string {
  const [, start, user, rest] = /^(rediss?(?:-\w+)?:\/\/)(?:([^@/?#]*)@)?(.*)$/is.exec(spelled) ?? [];
  if (start === undefined) return spelled;
  const [name = '', ...own] = (user ?? '').split(':');
  return own.join(':') === '' ? `${start}${name}:${encodeURIComponent(password)}@${rest}` : spelled;
}

/** A setting that was given apart goes where the URL has none. */
export function withRedisSetting(name: RedisSetting) {
  return (spelled: string, value: string, cwd: string): string => {
    if (!/^rediss?(-\w+)?:\/\//i.test(spelled)) return spelled;
    const [before = '', query = ''] = spelled.split(/\?(.*)/s);
    const settings = new URLSearchParams(query);
    if (settings.has(name)) return spelled;
    settings.set(name, name.endsWith('_file') ? resolve(cwd, value) : value);
    return `${before}?${settings.toString()}`;
  };
}
