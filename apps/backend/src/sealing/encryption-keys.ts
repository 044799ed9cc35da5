import { randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, variables } from '@longshore/runtime';
import { SealingError, sealingKey, type SealingKey } from './sealing.ts';

/** In the home; of the same form as ENCRYPTION_KEYS. Named in `apps/cli`'s backup too. */
const FILE = 'encryption.key';
const KEY_BYTES = 32;

export interface EncryptionKeySettings {
  readonly encryptionKeys: readonly Uint8Array[] | undefined;
  readonly longshoreHome: string;
}

/**
 * The keys that were set, else those of the home, where one is made when there is none. Several backends that start in
 * one home at once get the same one: whoever links the file first wins, and no half of it is ever seen.
 * @throws SealingError when the file can neither be read nor made
 */
export async function encryptionKeys({
  encryptionKeys: given,
  longshoreHome,
}: EncryptionKeySettings): Promise<SealingKey[]> {
  return (given ?? (await keysOfHome(longshoreHome))).map(sealingKey);
}

async function keysOfHome(home: string): Promise<readonly Uint8Array[]> {
  const file = join(home, FILE);
  try {
    const text = (await textOf(file)) ?? (await made(home, file));
    const keys = variables.encryptionKeys.schema.safeParse(text);
    if (keys.success) return keys.data;
  } catch (error) {
    const { code = 'unknown reason' } = error as NodeJS.ErrnoException;
    throw new SealingError(
      `The key that seals secrets can neither be read from ${file} nor written there (${code}): let the backend write into ` +
        'LONGSHORE_HOME, or set ENCRYPTION_KEYS or ENCRYPTION_KEYS_FILE',
    );
  }
  throw new SealingError(
    `${file} holds no key: put it back from a backup; move it away only when no secret was stored yet`,
  );
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function made(home: string, file: string): Promise<string | undefined> {
  makeFolder(home, 0o700);
  const unfinished = `${file}.${process.pid}.${randomBytes(4).toString('hex')}.new`;
  try {
    const text = `${randomBytes(KEY_BYTES).toString('base64')}\n`;
    await writeFile(unfinished, text, { mode: 0o600, flag: 'wx', flush: true });
    await link(unfinished, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // Else another backend was faster.
  } finally {
    await rm(unfinished, { force: true });
  }
  return await textOf(file);
}
