import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** A key of 256 bits and the name by which sealed texts say that they need it. */
export interface SealingKey {
  readonly id: string;
  readonly secret: Uint8Array;
}

/**
 * Keeps secrets in the database so that who reads the database alone cannot read them.
 *
 * The context says where the text belongs (see `contextOf`); a sealed text that was moved to another row opens there no more.
 */
export interface Sealing {
  /** By the newest key. Another text each time. */
  seal(plain: string, context: string): string;
  /** By whichever key it names. @throws SealingError */
  open(sealed: string, context: string): string;
}

/** What is stored cannot be opened, or may not be sealed, here. The message says what to do, and holds no secret. */
export class SealingError extends Error {
  override readonly name = 'SealingError';
}

/** Version, key id, then nonce, text and tag together. */
const FORM = /^sealed1\.([0-9a-f]{16})\.([A-Za-z0-9_-]+)$/;
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A key with its id, which tells nothing of it. */
export function sealingKey(secret: Uint8Array): SealingKey {
  return { id: createHash('sha256').update('longshore:').update(secret).digest('hex').slice(0, 16), secret };
}

/** Seals by AES-256-GCM with the first of these keys and opens with all of them. There must be one at least. */
export function createSealing({ keys }: { readonly keys: readonly SealingKey[] }): Sealing {
  const [newest] = keys;
  if (newest === undefined) throw new SealingError('There is no key to seal by: set ENCRYPTION_KEYS');
  return {
    seal(plain, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, newest.secret, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(context));
      const text = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `sealed1.${newest.id}.${text.toString('base64url')}`;
    },
    open(sealed, context) {
      const { keyId, bytes } = partsOf(sealed);
      const key = keys.find(({ id }) => id === keyId);
      if (key === undefined) throw unknownKey([keyId]);
      return opened(key, bytes, context);
    },
  };
}

function opened(key: SealingKey, bytes: Buffer, context: string): string {
  const end = bytes.length - TAG_BYTES;
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv(CIPHER, key.secret, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(bytes.subarray(end));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, end)), decipher.final()]).toString();
  } catch {
    throw new SealingError(
      `A sealed text does not belong to ${context}, or was changed: give that secret anew`,
    );
  }
}

function partsOf(sealed: string) {
  const [, keyId, text] = FORM.exec(sealed) ?? [];
  const bytes = Buffer.from(text ?? '', 'base64url');
  if (keyId === undefined || bytes.length < NONCE_BYTES + TAG_BYTES)
    throw new SealingError('A sealed text is damaged: give that secret anew');
  return { keyId, bytes };
}

/** The id of the key that a sealed text needs. @throws SealingError when it is none */
export function keyIdOf(sealed: string): string {
  return partsOf(sealed).keyId;
}

export function unknownKey(ids: readonly string[]): SealingError {
  return new SealingError(
    `Secrets in the database are sealed by ${ids.length === 1 ? 'a key' : 'keys'} that this backend does not have (${ids.join(', ')}). ` +
      'All backends of one database need the same keys: set ENCRYPTION_KEYS or ENCRYPTION_KEYS_FILE to those of the others, or, ' +
      'where a home was moved, bring its encryption.key along',
  );
}
