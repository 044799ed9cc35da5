import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Starts to listen. @throws when the port is busy. */
export function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE' ? new Error(`port ${port} is in use: set PORT to another one`) : error,
      ),
    );
    server.listen(port, host, () => resolve());
  });
}

/** What a client has just sent may still be under way. */
const SILENCE_MS = 500;

/**
 * Stops listening and lets requests in flight end until the signal fires; then their connections are cut. A
 * connection that is kept open between requests is closed as soon as it is idle.
 */
export function closeServer(server: Server, deadline: AbortSignal, dropSilent: () => void): Promise<void> {
  return new Promise((resolve) => {
    const cut = () => server.closeAllConnections();
    if (deadline.aborted) cut();
    else deadline.addEventListener('abort', cut, { once: true });
    const silence = setTimeout(dropSilent, SILENCE_MS);
    server.close(() => {
      clearTimeout(silence);
      resolve();
    });
    server.closeIdleConnections();
  });
}

/**
 * Once the server stops, closes each connection after the answer it was kept for. What it returns closes those on which nothing
 * was ever said, as clients open them in advance: to the server they are not idle.
 */
export function closeWhenIdle(server: Server): () => void {
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.on('request', (_request, response) =>
    response.once('close', () => {
      if (!server.listening) setImmediate(() => server.closeIdleConnections());
    }),
  );
  return () => {
    for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
  };
}
