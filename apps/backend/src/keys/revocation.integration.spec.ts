import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { silentLogger, systemClock } from '@longshore/runtime';
import { startFaultProxy, startPostgres, type TestPostgres } from '@longshore/testing';
import { createNotifications } from '../events/notifications.ts';
import { createDatabase } from '../store/database.ts';
import { migrate } from '../store/migrate.ts';
import { startBackend, type HttpBackend } from '../testing/http-backend.ts';
import { answer, bearer, eventually } from '../testing/http-client.ts';
import { createKeyChanges, type KeyChanges } from './key-changes.ts';
import { createKeys } from './keys.ts';
import { createTrustedKeys } from './trusted-keys.ts';

let postgres: TestPostgres;
let one: HttpBackend;
let two: HttpBackend;

beforeAll(async () => {
  postgres = await startPostgres();
  one = await startBackend(postgres, { trustedProxies: ['127.0.0.1'] });
  two = await startBackend(postgres, {}, one);
});
afterAll(async () => {
  await two?.stop();
  await one?.stop();
  await postgres?.stop();
});

const newServiceKey = () =>
  one.keys.create({ kind: 'service', name: 'x', workers: ['general'], queues: ['default'] });
let callers = 0;
/** Each call from another address: whoever shows a wrong key too often is told to wait. */
async function health(backend: HttpBackend, secret: string): Promise<number> {
  callers += 1;
  const headers = { ...bearer(secret), 'X-Forwarded-For': `10.0.${callers >> 8}.${callers & 255}` };
  return (await answer(fetch(`${backend.url}/internal/v1/health/`, { headers }))).status;
}
const revoke = (id: string) =>
  answer(fetch(`${one.url}/api/v1/keys/${id}`, { method: 'DELETE', headers: bearer(one.adminKey) }));

/** How often a service key was looked up in the database by all backends. */
async function lookUps(): Promise<number> {
  const [row] = await one.database.query<{ n: number }>(
    `select coalesce(sum(idx_scan), 0)::int as n from pg_stat_user_indexes where indexrelname = 'api_keys_hash_key'`,
  );
  return row!.n;
}

describe('a revoked service key', () => {
  it('is refused by every backend as soon as word of it arrives, which takes moments', async () => {
    const delays: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      const { id, secret } = await newServiceKey();
      // Used until both are certain of it, and so would believe in it without asking.
      for (const backend of [one, two, one, two]) expect(await health(backend, secret)).toBe(200);
      expect((await revoke(id)).status).toBe(200);
      const revokedAt = performance.now();
      for (const backend of [one, two]) await eventually(async () => (await health(backend, secret)) === 401);
      delays.push(performance.now() - revokedAt);
    }
    // Without word of it, each would be believed for as long as the net allows: three seconds and more.
    expect(delays.sort((a, b) => a - b)[5]).toBeLessThan(1_000);
  });

  it('is refused just as well when somebody revokes it with SQL, or lets it expire', async () => {
    for (const change of ['update api_keys set revoked_at = now()', 'delete from api_keys']) {
      const { id, secret } = await newServiceKey();
      expect(await health(two, secret)).toBe(200);
      await one.database.query(`${change} where id = $1`, [id]);
      await eventually(async () => (await health(two, secret)) === 401);
    }
    const { id, secret } = await newServiceKey();
    await one.database.query(`update api_keys set expires_at = now() + interval '700 ms' where id = $1`, [
      id,
    ]);
    await eventually(async () => (await health(two, secret)) === 401);
  });

  it('costs good ones nothing: a key in use is not looked up call by call', async () => {
    const { secret } = await newServiceKey();
    await eventually(async () => {
      const before = await lookUps();
      for (let call = 0; call < 50; call += 1) expect(await health(two, secret)).toBe(200);
      // The figures of a backend reach the view with a delay.
      await systemClock.sleep(1_100);
      return (await lookUps()) - before < 25;
    });
  });
});

describe('trust in a key', () => {
  /** A listener behind a proxy that can swallow everything without closing anything. */
  async function setup(name: string) {
    const url = new URL(await postgres.createDatabase(name));
    const logger = silentLogger();
    const database = createDatabase({ url: url.href, logger, connections: 2 });
    await migrate(database, logger);
    const proxy = await startFaultProxy(Number(url.port));
    const databaseUrl = proxy.through(url.href);
    const notifications = createNotifications({ databaseUrl, database, clock: systemClock, logger });
    const changes = createKeyChanges(notifications);
    const keys = createKeys(database);
    const trusted = createTrustedKeys({ keys, changes, monotonicMs: systemClock.monotonic });
    const { id, secret } = await keys.create({ kind: 'service', name: 'x', workers: ['w'], queues: ['q'] });
    const stop = async () => {
      await notifications.stop();
      await proxy.stop();
      await database.close();
    };
    return { database, changes, trusted, proxy, id, secret, stop };
  }

  it('ends with the connection, and comes back with it', async () => {
    const { database, changes, trusted, proxy, id, secret, stop } = await setup('cut');
    try {
      await isCurrent(changes, true);
      expect(await trusted.find(secret)).toMatchObject({ id });
      proxy.refuse(true);
      proxy.cut();
      await isCurrent(changes, false);
      // Nobody hears of this.
      await database.query('update api_keys set revoked_at = now()');
      expect(await trusted.find(secret)).toBeNull();
      proxy.refuse(false);
      await isCurrent(changes, true);
      expect(await trusted.find(secret)).toBeNull();
    } finally {
      await stop();
    }
  });

  it('ends within three seconds on a connection that is dead without anybody being told', async () => {
    const { database, changes, trusted, proxy, id, secret, stop } = await setup('mute');
    try {
      await isCurrent(changes, true);
      expect(await trusted.find(secret)).toMatchObject({ id });
      proxy.hold('everything');
      const mutedAt = performance.now();
      await database.query('update api_keys set revoked_at = now()');
      await eventually(async () => (await trusted.find(secret)) === null);
      const seconds = (performance.now() - mutedAt) / 1000;
      // The bound, and what a loaded machine adds.
      expect(seconds).toBeLessThan(6);
      proxy.hold('nothing');
      await isCurrent(changes, true);
      expect(await trusted.find(secret)).toBeNull();
    } finally {
      await stop();
    }
  });

  it('that was won while nobody listened is worth nothing afterwards', async () => {
    const { database, changes, trusted, proxy, id, secret, stop } = await setup('gap');
    try {
      await isCurrent(changes, true);
      proxy.refuse(true);
      proxy.cut();
      await isCurrent(changes, false);
      expect(await trusted.find(secret)).toMatchObject({ id });
      await database.query('update api_keys set revoked_at = now()');
      proxy.refuse(false);
      await isCurrent(changes, true);
      expect(await trusted.find(secret)).toBeNull();
    } finally {
      await stop();
    }
  });
});

function isCurrent(changes: KeyChanges, wanted: boolean): Promise<void> {
  return eventually(async () => changes.isCurrent() === wanted);
}
