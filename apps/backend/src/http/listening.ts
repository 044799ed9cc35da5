import type { Server } from 'node:http';

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

/**
 * Stops listening and lets requests in flight end until the signal fires; then their connections are cut. A
 * connection that is kept open between requests is closed as soon as it is idle.
 */
export function closeServer(server: Server, deadline: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cut = () => server.closeAllConnections();
    if (deadline.aborted) cut();
    else deadline.addEventListener('abort', cut, { once: true });
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}

/** Once the server stops, closes each connection after the answer it was kept for. */
export function closeWhenIdle(server: Server): void {
  server.on('request', (_request, response) =>
    response.once('close', () => {
      if (!server.listening) setImmediate(() => server.closeIdleConnections());
    }),
  );
}
