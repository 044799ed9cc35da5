import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A reverse proxy on 127.0.0.1 that gives each request to the next of several servers. Where nobody listens, the next one is
 * asked; where the answer is lost, the client is told 502.
 */
export interface RoundRobin {
  readonly url: string;
  /** Which ports of 127.0.0.1 take turns from now on. */
  serve(ports: readonly number[]): void;
  stop(): Promise<void>;
}

export async function startRoundRobin(ports: readonly number[]): Promise<RoundRobin> {
  let targets = ports;
  let turn = 0;
  const server = createServer((asked, answer) => {
    turn += 1;
    const first = turn % targets.length;
    forward(asked, answer, [...targets.slice(first), ...targets.slice(0, first)]);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    serve: (next) => void (targets = next),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function forward(asked: IncomingMessage, answer: ServerResponse, [port, ...others]: readonly number[]): void {
  const { method, url, headers } = asked;
  const target = request({ host: '127.0.0.1', port, method, path: url, headers, agent: false }, (given) => {
    answer.writeHead(given.statusCode!, given.headers);
    given.pipe(answer);
    given.on('error', () => answer.destroy());
  });
  // Nothing of the body goes out before somebody is there to take it: until then another may be asked.
  target.on('socket', (socket) => socket.once('connect', () => asked.pipe(target)));
  target.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNREFUSED' && others.length > 0) forward(asked, answer, others);
    else if (answer.headersSent) answer.destroy();
    else answer.writeHead(502, { connection: 'close' }).end();
  });
  answer.on('close', () => target.destroy());
}
