import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AwsClient } from 'aws4fetch';

interface Server {
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
  configureBuckets(): Promise<unknown>;
}
type ServerClass = new (options: object) => Server;

/** The credential that the server of `startS3Server` knows. */
export const S3_SECRET = { access_key_id: 'S3RVER', secret_access_key: 'S3RVER' };

/** A server of S3, for this process. */
export interface TestS3Server {
  /** Address and port, without a scheme; it speaks HTTP. */
  readonly host: string;
  /** Writes an object; the address is `bucket/key`. */
  put(address: string, text: string): Promise<void>;
  /** What an object holds. @throws when there is none */
  get(address: string): Promise<string>;
  /** Its objects go as well. */
  stop(): Promise<void>;
}

/** A server of S3 that others wrote, which checks signatures; with empty buckets. */
export async function startS3Server(buckets: readonly string[] = ['inbox']): Promise<TestS3Server> {
  // It is CommonJS and has no types.
  const require = createRequire(import.meta.url);
  const giveBack = lendCiphers(require('node:crypto') as Ciphers);
  const S3rver = require('@20minutes/s3rver') as ServerClass;
  const directory = mkdtempSync(join(tmpdir(), 'longshore-s3-'));
  const server = new S3rver({
    ...{ directory, silent: true, address: '127.0.0.1', port: 0, serviceEndpoint: 'localhost' },
    configureBuckets: buckets.map((name) => ({ name, configs: [] })),
  });
  await server.configureBuckets();
  const { port } = await server.run();
  const host = `127.0.0.1:${port}`;
  const client = new AwsClient({
    ...{ accessKeyId: S3_SECRET.access_key_id, secretAccessKey: S3_SECRET.secret_access_key },
    ...{ service: 's3', region: 'us-east-1', retries: 0 },
  });
  const ask = async (address: string, init: RequestInit): Promise<string> => {
    const answer = await client.fetch(`http://${host}/${address}`, init);
    if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
    return await answer.text();
  };
  return {
    host,
    put: async (address, body) => void (await ask(address, { method: 'PUT', body })),
    get: (address) => ask(address, {}),
    async stop(): Promise<void> {
      await server.close();
      giveBack();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

type Cipher = (algorithm: string, key: Buffer, ...rest: unknown[]) => unknown;
type Ciphers = Record<'createCipheriv' | 'createDecipheriv', Cipher>;

/**
 * The server hides in DES where a listing goes on, which Node has no more: thrice with the same key, triple DES is the same. Returns what
 * takes that away again.
 */
function lendCiphers(crypto: Ciphers): () => void {
  const { createCipheriv, createDecipheriv } = crypto;
  const lent =
    (original: Cipher): Cipher =>
    (algorithm, key, ...rest) =>
      algorithm === 'des'
        ? original('des-ede3-cbc', Buffer.concat([key, key, key]), ...rest)
        : original(algorithm, key, ...rest);
  Object.assign(crypto, { createCipheriv: lent(createCipheriv), createDecipheriv: lent(createDecipheriv) });
  return () => Object.assign(crypto, { createCipheriv, createDecipheriv });
}
