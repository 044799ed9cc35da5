import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from '@longshore/testing';

/** A server of files on this machine, by https under a certificate of its own, for what clients want fetched. */
export async function startFileServer() {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-certificate-'));
  const certificate = makeCertificate('localhost');
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, certificate.cert);
  const answers = new Map<string, RequestListener>();
  const asked: string[] = [];
  let open = 0;
  let most = 0;
  const server = createServer(certificate, (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url!.split('?')[0]!;
    asked.push(path);
    most = Math.max(most, (open += 1));
    response.once('close', () => (open -= 1));
    const answer = answers.get(path);
    if (answer === undefined) response.writeHead(404).end();
    else answer(request, response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    host: `localhost:${port}`,
    /** The settings under which a backend may fetch from here. */
    settings: { presignedUrlHosts: [`localhost:${port}`], presignedUrlCaFile: caFile },
    /** The address of a file with this content, or with this answer. */
    serve(path: string, answer: string | Buffer | RequestListener): string {
      answers.set(
        path,
        typeof answer === 'function' ? answer : (_request, response) => void response.end(answer),
      );
      return `https://localhost:${port}${path}?X-Signature=secret`;
    },
    /** Paths in the order in which they were asked for. */
    asked,
    /** The most requests that were under way at once, since the last look. */
    mostAtOnce() {
      const seen = most;
      most = open;
      return seen;
    },
    /** Requests under way. */
    open: () => open,
    async stop() {
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
export type FileServer = Awaited<ReturnType<typeof startFileServer>>;
