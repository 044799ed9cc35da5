import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import type { PortChoice } from '../config/schemas.ts';

/** How many ports above a busy default are tried. */
const TRIES_ABOVE = 100;
const LAST_PORT = 65_535;

/** The port the operator chose, or all of those that would do, are taken by others. */
export class PortInUseError extends Error {
  override readonly name = 'PortInUseError';
  readonly code = 'EADDRINUSE';
  readonly port: number;

  constructor(host: string, port: number, tried: number) {
    const what =
      tried === 1 ? `Port ${port} on ${host} is` : `The ports ${port} to ${port + tried - 1} on ${host} are`;
    super(`${what} in use by another process: stop it, or choose another port`);
    this.port = port;
  }
}

async function tryListen(server: Server, host: string, port: number): Promise<boolean> {
  try {
    // `once` rejects when the server emits "error" first.
    const listening = once(server, 'listening');
    server.listen({ host, port });
    await listening;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
}

/**
 * Starts the server on its port, or, when the port is only a default and busy, on the next free one of the 100 above.
 * Resolves to the port.
 * @throws {PortInUseError} when there is none.
 */
export async function listen(server: Server, host: string, { value, explicit }: PortChoice): Promise<number> {
  const last = explicit || value === 0 ? value : Math.min(value + TRIES_ABOVE, LAST_PORT);
  for (let port = value; port <= last; port += 1) {
    if (await tryListen(server, host, port)) return (server.address() as AddressInfo).port;
  }
  throw new PortInUseError(host, value, last - value + 1);
}
