import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Server {
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
  configureBuckets(): Promise<unknown>;
}
type ServerClass = new (options: object) => Server;

/** The credential that it knows. */
export const SECRET = { access_key_id: 'S3RVER', secret_access_key: 'S3RVER' };

/** A server of S3 that others wrote, which checks signatures; with one empty bucket, `inbox`. */
export async function startS3Server() {
  // It is CommonJS and has no types.
  const require = createRequire(import.meta.url);
  const S3rver = require('@20minutes/s3rver') as ServerClass;
  const directory = mkdtempSync(join(tmpdir(), 'longshore-s3-'));
  const server = new S3rver({
    ...{ directory, silent: true, address: '127.0.0.1', port: 0, serviceEndpoint: 'localhost' },
    configureBuckets: [{ name: 'inbox', configs: [] }],
  });
  await server.configureBuckets();
  const { port } = await server.run();
  return {
    host: `127.0.0.1:${port}`,
    async stop(): Promise<void> {
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
