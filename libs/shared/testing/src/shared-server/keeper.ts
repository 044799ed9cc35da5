import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { SharedServer } from './server.ts';

/**
 * The process that keeps the PostgreSQL of a test run: `keeper.ts <folder>` listens on `<folder>/socket`. It starts the server when the
 * first suite comes, gives each its place, and drops the databases of a suite whose connection ended. When its own standard input
 * ends, with the run or with the loss of whoever started the run, the server ends and the folder goes.
 */
const folder = process.argv[2] ?? '';
let server: Promise<SharedServer> | undefined;
let suites = 0;
let isOver = false;
let dropping = Promise.resolve();

async function welcome(suite: Socket): Promise<void> {
  suites += 1;
  const prefix = `suite${suites}_`;
  const left = once(suite, 'close');
  suite.on('error', () => undefined).resume();
  // Loaded only when it is needed: a run of unit tests has no use for it.
  server ??= import('./server.ts').then(({ startSharedServer }) => startSharedServer(folder));
  const { place, drop } = await server;
  suite.write(`${JSON.stringify({ ...place, prefix })}\n`);
  await left;
  dropping = dropping.then(() => (isOver ? undefined : drop(prefix)));
  await dropping;
}

const listener = createServer((suite) => {
  welcome(suite).catch((error: unknown) => {
    if (!isOver) process.stderr.write(`The PostgreSQL of the tests: ${String(error)}\n`);
    suite.destroy();
  });
}).listen(join(folder, 'socket'));

// Ctrl-C reaches the whole group; the server goes when the run has ended.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
await once(process.stdin.resume(), 'close');
isOver = true;
listener.close();
await server?.then(({ stop }) => stop()).catch(() => undefined);
await rm(folder, { recursive: true, force: true });
process.exit();
