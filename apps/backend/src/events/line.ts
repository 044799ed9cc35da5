import { Socket } from 'node:net';
import pg from 'pg';

/** A connection of its own to the database, to listen on. */
export interface Line {
  readonly client: pg.Client;
  /** Fires when the connection is seen to be lost. */
  readonly lost: AbortSignal;
  close(): void;
}

/** With the socket in hand: a dead connection cannot be closed by asking the other side. */
export function openLine(databaseUrl: string): Line {
  const socket = new Socket();
  const lost = new AbortController();
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'longshore-backend-listening',
    keepAlive: true,
    stream: () => socket,
  });
  client.on('error', (error) => lost.abort(error));
  client.on('end', () => lost.abort(new Error('The database closed the connection')));
  return { client, lost: lost.signal, close: () => void socket.destroy() };
}

/** Settles as the promise does, or rejects with the signal's reason when that comes first. */
export async function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
