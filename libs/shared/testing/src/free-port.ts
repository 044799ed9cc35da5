import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that the system hands out by itself (from 32768 on Linux, from 49152 elsewhere): one of those may be given to
 * somebody else between the moment it is found free and the moment its process listens, or while that process is away.
 */
const [FIRST, LAST] = [12_000, 32_000] as const;

/** A port of 127.0.0.1 on which nobody listens, and which the system gives to nobody by itself. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
