import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { silentLogger, uuidV7 } from '@longshore/runtime';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { createDatabase, type Database } from '../store/database.ts';
import { migrate } from '../store/migrate.ts';
import { openSealing } from './open-sealing.ts';
import { reseal } from './reseal.ts';
import { contextOf, webhookSecret, webhookUrl } from './sealed-columns.ts';
import { sealingKey } from './sealing.ts';

let postgres: TestPostgres;
let databases = 0;
let database: Database;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  databases += 1;
  const url = await postgres.createDatabase(`sealing${databases}`);
  database = createDatabase({ url, logger: silentLogger() });
  await migrate(database, silentLogger());
});
afterEach(() => database.close());

const key = () => randomBytes(32);
/** A backend of this database with these keys. */
const withKeys = (...encryptionKeys: Uint8Array[]) => ({
  config: { encryptionKeys, longshoreHome: '/nowhere' },
  database,
  logger: silentLogger(),
});

/** A row with a sealed secret, and how to read that. */
async function putSecret(plain: string, ...keys: Uint8Array[]) {
  const { sealing } = await openSealing(withKeys(...keys));
  const [organisationId, id] = [uuidV7(), uuidV7()];
  await database.query('insert into organisations (id, name) values ($1, $2)', [organisationId, id]);
  await database.query(
    `insert into webhooks (id, organisation_id, name, description, url, events, form, window_ms, enabled, secret)
     values ($1, $2, 'one', '', $3, '{}', 'standard', 1, true, $4)`,
    [
      ...[id, organisationId, sealing.seal('https://example.org', contextOf(webhookUrl, id))],
      sealing.seal(plain, contextOf(webhookSecret, id)),
    ],
  );
  return async (...readers: Uint8Array[]) => {
    const [row] = await database.query<{ secret: string }>('select secret from webhooks where id = $1', [id]);
    const reader = await openSealing(withKeys(...readers));
    return reader.sealing.open(row!.secret, contextOf(webhookSecret, id));
  };
}

describe('a backend that starts', () => {
  it('is refused, with what to do, when it lacks a key by which anything is sealed', async () => {
    const [mine, others] = [key(), key()];
    await putSecret('whsec_1', others);
    await expect(openSealing(withKeys(mine))).rejects.toThrow(/does not have.*set ENCRYPTION_KEYS/);
    await expect(openSealing(withKeys(mine))).rejects.toThrow(sealingKey(others).id);
    await openSealing(withKeys(mine, others));
  });

  it('may bring another key as long as nothing is sealed; one that was there before seals no more', async () => {
    const before = await openSealing(withKeys(key()));
    await before.work.run(new AbortController().signal);
    expect(before.sealing.seal('x', 'y')).toMatch(/^sealed1/);
    await openSealing(withKeys(key()));
    await before.work.run(new AbortController().signal);
    expect(() => before.sealing.seal('x', 'y')).toThrow(/same ENCRYPTION_KEYS/);
  });

  it('agrees with those that start beside it', async () => {
    const keys = Array.from({ length: 8 }, key);
    const started = await Promise.all(keys.map((each) => openSealing(withKeys(each))));
    const still = await Promise.all(
      started.map(async ({ sealing, work }) => {
        await work.run(new AbortController().signal);
        try {
          return sealing.seal('x', 'y');
        } catch {
          return null;
        }
      }),
    );
    expect(still.filter((sealed) => sealed !== null)).toHaveLength(1);
  });
});

describe('sealing anew', () => {
  it('lets an older key go', async () => {
    const [old, newest] = [key(), key()];
    const readers = [];
    for (let n = 0; n < 3; n += 1) readers.push(await putSecret(`whsec_${n}`, old));
    expect(await reseal(withKeys(newest, old))).toBe(6);
    expect(await reseal(withKeys(newest))).toBe(0);
    const read = await Promise.all(readers.map((reader) => reader(newest)));
    expect(read).toEqual(['whsec_0', 'whsec_1', 'whsec_2']);
    await expect(openSealing(withKeys(old))).rejects.toThrow(/does not have/);
  });

  it('goes past what fits into one transaction', async () => {
    const [old, newest] = [key(), key()];
    const reader = await putSecret('whsec_first', old);
    const { sealing } = await openSealing(withKeys(old));
    const ids = Array.from({ length: 230 }, () => uuidV7());
    await database.query(
      `insert into webhooks (id, organisation_id, name, description, url, events, form, window_ms, enabled, secret)
       select n.id, o.id, n.id::text, '', n.url, '{}', 'standard', 1, true, n.secret
         from unnest($1::uuid[], $2::text[], $3::text[]) as n (id, url, secret), organisations o`,
      [
        ids,
        ids.map((id) => sealing.seal('https://example.org', contextOf(webhookUrl, id))),
        ids.map((id) => sealing.seal('whsec_x', contextOf(webhookSecret, id))),
      ],
    );
    expect(await reseal(withKeys(newest, old))).toBe(462);
    expect(await reader(newest)).toBe('whsec_first');
  });
});
