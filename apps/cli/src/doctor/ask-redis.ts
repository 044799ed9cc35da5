import { connect as connectPlainly, type Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';

const ANSWERS_WITHIN_MS = 5_000;
const DEFAULT_PORT = 6379;

/**
 * The eviction policy of the Redis behind the address; undefined where it does not tell. The one question that is asked while no
 * backend runs, so a connection for it is all that is made.
 * @throws Error with what the system or Redis says
 */
export async function redisPolicy(url: string): Promise<string | undefined> {
  const { protocol, hostname, port, username, password } = new URL(url);
  const address = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || DEFAULT_PORT) };
  const socket =
    protocol === 'rediss:'
      ? connectSecurely({ ...address, servername: address.host })
      : connectPlainly(address);
  const login = [username, password].filter((part) => part !== '').map(decodeURIComponent);
  const commands = [...(password === '' ? [] : [['AUTH', ...login]]), ['INFO', 'memory']];
  const answer = await exchange(socket, commands.map(encoded).join(''));
  return /^maxmemory_policy:(\S+)/m.exec(answer)?.[1];
}

function encoded(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

/** Reads until INFO has told its last line, or an error. */
function exchange(socket: Socket, request: string): Promise<string> {
  return new Promise<string>((resolve, reject) => {
    let answer = '';
    socket.setTimeout(ANSWERS_WITHIN_MS, () =>
      reject(new Error(`no answer within ${ANSWERS_WITHIN_MS / 1000} s`)),
    );
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('it closed the connection')));
    socket.on('data', (bytes: Buffer) => {
      answer += bytes.toString();
      const refusal = /^-(.*)\r\n/m.exec(answer)?.[1];
      if (refusal !== undefined) reject(new Error(refusal));
      const [, size, rest] = /(?:^|\r\n)\$(\d+)\r\n([^]*)$/.exec(answer) ?? [];
      if (rest !== undefined && Buffer.byteLength(rest) >= Number(size)) resolve(rest);
    });
    socket.write(request);
  }).finally(() => socket.destroy());
}
