import { createServer } from 'node:net';
import { CliError } from '../cli-error.ts';

/** The port itself, or a free one for 0. Throws CliError when another program has it. */
export async function claimPort(host: string, port: number): Promise<number> {
  const found = await tryListen(host, port);
  if (typeof found === 'number') return found;
  switch (found.code) {
    case 'EADDRINUSE':
      throw new CliError(
        `Port ${port} of ${host} is in use by another program: stop that one, or choose another port with PORT.`,
      );
    case 'EACCES':
      throw new CliError(`This user may not listen on port ${port}: choose one above 1023 with PORT.`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      throw new CliError(`This machine has no address ${host}: correct HOST.`);
    default:
      throw found;
  }
}

function tryListen(host: string, port: number): Promise<number | NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen(port, host, () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(bound));
    });
  });
}
