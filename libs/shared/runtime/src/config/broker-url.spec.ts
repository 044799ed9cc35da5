import { describe, expect, it } from '@jest/globals';
import { BrokerUrlError, readBrokerUrl, withRedisPassword, withRedisSetting } from './broker-url.ts';

const redisOf = (url: string) => {
  const place = readBrokerUrl(url);
  if (place.kind !== 'redis') throw new Error('no Redis');
  return place.redis;
};

describe('a broker URL', () => {
  it('names one server, with user, password and database', () => {
    expect(redisOf('redis://user:p%40ss@h:6380/2')).toMatchObject({
      ...{ mode: 'single', tls: false, hosts: [{ host: 'h', port: 6380 }] },
      ...{ username: 'user', password: 'p@ss', db: 2 },
    });
    expect(redisOf('rediss://[::1]')).toMatchObject({
      tls: true,
      hosts: [{ host: '::1', port: 6379 }],
      db: 0,
    });
  });

  it('names Sentinels, the master they watch, and its database', () => {
    expect(redisOf('rediss-sentinel://:pw@a,b:26380/mymaster/3?sentinel_password=other')).toMatchObject({
      ...{ mode: 'sentinel', tls: true, master: 'mymaster', db: 3, password: 'pw', username: undefined },
      hosts: [
        { host: 'a', port: 26_379 },
        { host: 'b', port: 26_380 },
      ],
      settings: { sentinel_password: 'other' },
    });
  });

  it('names nodes of a cluster', () => {
    expect(redisOf('redis-cluster://u:p@a:7000,b:7001')).toMatchObject({
      mode: 'cluster',
      hosts: [
        { host: 'a', port: 7000 },
        { host: 'b', port: 7001 },
      ],
    });
  });

  it('is shown without user, password and settings', () => {
    const shown = (url: string) => readBrokerUrl(url).shown;
    expect(shown('redis://u:secret@h/1')).toBe('redis://h:6379/1');
    expect(shown('redis-sentinel://u:secret@a,b/m?sentinel_password=secret')).toBe(
      'redis-sentinel://a:26379,b:26379/m/0',
    );
    expect(shown('rediss-cluster://u:secret@a,[::1]:7')).toBe('rediss-cluster://a:6379,[::1]:7');
    expect(shown('postgres://u:secret@h/db?sslmode=require')).toBe('postgres://h/db');
  });

  it('takes the settings of TLS, also as Python programs spell them', () => {
    const settings = { ca_file: '/ca', cert_file: '/cert', key_file: '/key' };
    expect(redisOf('rediss://h?ca_file=/ca&cert_file=/cert&key_file=/key').settings).toEqual(settings);
    const python = 'ssl_ca_certs=/ca&ssl_certfile=/cert&ssl_keyfile=/key&ssl_cert_reqs=required';
    expect(redisOf(`rediss://h?${python}`).settings).toEqual(settings);
  });

  it.each([
    ['redis://a,b', /several hosts.*redis-sentinel/],
    ['redis-sentinel://a:26379', /lacks the master's name/],
    ['redis-cluster://a/1', /a cluster has only 0/],
    ['redis://h/name', /no number of a database/],
    ['redis://h:0', /host:port/],
    ['redis://h:99999', /host:port/],
    ['redis://u:sec/ret@h', /write @ as %40/],
    ['redis://u:sec%ret@h', /not written as %25/],
    ['redis://h?ca_file=/ca', /rediss instead of redis/],
    ['rediss://h?cert_file=/c', /only one of cert_file and key_file/],
    ['rediss://h?ssl_cert_reqs=none', /always verified/],
    ['rediss://h?rejectUnauthorized=false', /always verified/],
    ['rediss://h?insecure=true', /always verified/],
    ['redis://h?sentinel_password=secret', /only redis-sentinel/],
    ['redis://h?family=6', /unknown setting family/],
    ['redis-ring://h', /scheme redis-ring/],
    ['amqp://u:secret@h', /RabbitMQ/],
    ['h:6379', /not a URL/],
  ])('is refused when it is %s', (url, says) => {
    expect(() => readBrokerUrl(url)).toThrow(BrokerUrlError);
    expect(() => readBrokerUrl(url)).toThrow(says);
    expect(() => readBrokerUrl(url)).not.toThrow(/sec\W?ret/);
  });
});

describe('what is given apart from the URL', () => {
  it('goes where the URL has none, whichever form it has', () => {
    expect(withRedisPassword('redis-sentinel://a,b/m', 'p@')).toBe('redis-sentinel://:p%40@a,b/m');
    expect(withRedisPassword('redis-cluster://user@a,b', 'pw')).toBe('redis-cluster://user:pw@a,b');
    expect(withRedisPassword('rediss://:own@a', 'pw')).toBe('rediss://:own@a');
    expect(withRedisPassword('postgres://u@a/db', 'pw')).toBe('postgres://u@a/db');
  });

  it('is a path from the folder it was read in, and is there once', () => {
    const withAuthority = withRedisSetting('ca_file');
    const once = withAuthority('rediss://h/1?server_name=n', 'tls/ca.pem', '/srv');
    expect(redisOf(once).settings).toEqual({ server_name: 'n', ca_file: '/srv/tls/ca.pem' });
    expect(withAuthority(once, 'other.pem', '/elsewhere')).toBe(once);
    expect(withAuthority('postgres://h/db', 'ca.pem', '/srv')).toBe('postgres://h/db');
  });
});
