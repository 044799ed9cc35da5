import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { encryptionKeys } from './encryption-keys.ts';
import { createSealing, keyIdOf, SealingError, sealingKey } from './sealing.ts';

const key = () => sealingKey(randomBytes(32));

describe('a sealed text', () => {
  it.each(['', 'secret', 'ä\u0000😀', 'x'.repeat(100_000)])('is opened where it belongs (%#)', (plain) => {
    const sealing = createSealing({ keys: [key()] });
    const sealed = sealing.seal(plain, 'webhooks.secret:1');
    expect(sealing.open(sealed, 'webhooks.secret:1')).toBe(plain);
    if (plain.length > 3) expect(sealed).not.toContain(plain);
    expect(sealing.seal(plain, 'webhooks.secret:1')).not.toBe(sealed);
  });

  it('opens nowhere else', () => {
    const sealing = createSealing({ keys: [key()] });
    const sealed = sealing.seal('secret', 'webhooks.secret:1');
    expect(() => sealing.open(sealed, 'webhooks.secret:2')).toThrow(SealingError);
    expect(() => sealing.open(sealed, 'webhooks.secret:2')).toThrow(/does not belong to webhooks.secret:2/);
  });

  it('is refused when any of it was changed, cut or replaced', () => {
    const sealing = createSealing({ keys: [key()] });
    const sealed = sealing.seal('secret', 'here');
    for (let at = 0; at < sealed.length - 1; at += 1) {
      const changed = `${sealed.slice(0, at)}${sealed[at] === 'A' ? 'B' : 'A'}${sealed.slice(at + 1)}`;
      expect(() => sealing.open(changed, 'here')).toThrow(SealingError);
      expect(() => sealing.open(sealed.slice(0, at), 'here')).toThrow(SealingError);
    }
    for (const other of ['', 'secret', 'sealed1.', `sealed1.${keyIdOf(sealed)}.AAAA`])
      expect(() => sealing.open(other, 'here')).toThrow(SealingError);
  });

  it('is sealed by the first key and opened by any', () => {
    const [old, newest] = [key(), key()];
    const before = createSealing({ keys: [old] }).seal('secret', 'here');
    const both = createSealing({ keys: [newest, old] });
    expect(both.open(before, 'here')).toBe('secret');
    expect(keyIdOf(both.seal('secret', 'here'))).toBe(newest.id);
    expect(() => createSealing({ keys: [newest] }).open(before, 'here')).toThrow(/ENCRYPTION_KEYS/);
    expect(() => createSealing({ keys: [] })).toThrow(SealingError);
  });
});

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

/** A home that is not there yet. */
function setup() {
  const folder = mkdtempSync(join(tmpdir(), 'longshore-sealing-'));
  folders.push(folder);
  const longshoreHome = join(folder, 'home');
  return { longshoreHome, file: join(longshoreHome, 'encryption.key') };
}

describe('the keys of a home', () => {
  it('are made once, for their owner alone, however many ask at once', async () => {
    const { longshoreHome, file } = setup();
    const asked = Array.from({ length: 20 }, () =>
      encryptionKeys({ encryptionKeys: undefined, longshoreHome }),
    );
    const ids = (await Promise.all(asked)).map((keys) => keys.map(({ id }) => id).join());
    expect(new Set(ids).size).toBe(1);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(longshoreHome)).toEqual(['encryption.key']);
    expect(Buffer.from(readFileSync(file, 'utf8'), 'base64')).toHaveLength(32);
  });

  it('are not asked for when keys were set', async () => {
    const secret = randomBytes(32);
    const [only] = await encryptionKeys({ encryptionKeys: [secret], longshoreHome: '/proc/nowhere' });
    expect(only).toEqual(sealingKey(secret));
  });

  it('are refused in words when the file is damaged, and never replaced', async () => {
    const { longshoreHome, file } = setup();
    await encryptionKeys({ encryptionKeys: undefined, longshoreHome });
    for (const text of ['', 'short', `${randomBytes(31).toString('base64')}\n`]) {
      writeFileSync(file, text);
      await expect(encryptionKeys({ encryptionKeys: undefined, longshoreHome })).rejects.toThrow(
        /encryption.key holds no key/,
      );
      expect(readFileSync(file, 'utf8')).toBe(text);
    }
  });

  it('are asked for in words when the home cannot be written', async () => {
    const { longshoreHome } = setup();
    const blocked = join(longshoreHome, '..', 'file');
    writeFileSync(blocked, '');
    chmodSync(blocked, 0o400);
    const asked = encryptionKeys({ encryptionKeys: undefined, longshoreHome: join(blocked, 'home') });
    await expect(asked).rejects.toThrow(/set ENCRYPTION_KEYS/);
  });
});
