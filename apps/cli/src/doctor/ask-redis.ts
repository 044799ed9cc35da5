import { readFileSync } from 'node:fs';
import { connect as connectPlainly, isIP, type Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import type { HostAndPort, RedisPlace } from '@longshore/runtime';

const ANSWERS_WITHIN_MS = 5_000;
/** What a Redis tells of itself is a hundredth of this. */
const MOST_LETTERS = 1_000_000;

/** What a Redis tells of itself. */
export interface RedisFacts {
  /** As in `7.4.11`; undefined where it does not tell. */
  readonly version: string | undefined;
  /** What it does when its memory is full; undefined where it does not tell. */
  readonly policy: string | undefined;
}

const NOTHING_TOLD: RedisFacts = { version: undefined, policy: undefined };

/**
 * Version and eviction policy of one server: of the master that the Sentinels name, of the first node of a cluster that answers.
 * Nothing else is asked while no backend runs, so a connection for it is all that is made.
 * @throws Error with what the system or Redis says
 */
export async function redisFacts(place: RedisPlace): Promise<RedisFacts> {
  if (place.mode !== 'sentinel') return await firstAnswer(place.hosts, (host) => factsOf(place, host));
  const master = await firstAnswer(place.hosts, (host) => masterOf(place, host));
  return await factsOf(place, master);
}

/** Of several hosts one is enough; the last one's reason is told when none answers. */
async function firstAnswer<T>(
  hosts: readonly HostAndPort[],
  ask: (host: HostAndPort) => Promise<T>,
): Promise<T> {
  let reason: unknown;
  for (const host of hosts) {
    try {
      return await ask(host);
    } catch (error) {
      reason = error;
    }
  }
  throw reason;
}

async function factsOf(place: RedisPlace, host: HostAndPort): Promise<RedisFacts> {
  try {
    const info = await exchange(
      connected(place, host),
      [...login(place.username, place.password), ['INFO']],
      readText,
    );
    const valueOf = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
    return { version: valueOf('redis_version'), policy: valueOf('maxmemory_policy') };
  } catch (error) {
    // The user may do its work, but not ask: that is nothing wrong with the server.
    if ((error as Error).message.startsWith('NOPERM')) return NOTHING_TOLD;
    throw error;
  }
}

async function masterOf(place: RedisPlace, host: HostAndPort): Promise<HostAndPort> {
  const { sentinel_username: username, sentinel_password: password } = place.settings;
  const name = place.master ?? '';
  const question = ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name];
  const answer = await exchange(connected(place, host), [...login(username, password), question], readMaster);
  if (answer === 'unknown') throw new Error(`the Sentinels know no master of the name ${name}`);
  return answer;
}

function login(username: string | undefined, password: string | undefined): string[][] {
  if (password === undefined || password === '') return [];
  return [['AUTH', ...(username === undefined ? [] : [username]), password]];
}

function connected({ tls, settings }: RedisPlace, { host, port }: HostAndPort): Socket {
  if (!tls) return connectPlainly({ host, port });
  const { ca_file: ca, cert_file: cert, key_file: key, server_name: servername = host } = settings;
  const files = Object.entries({ ca, cert, key }).filter(([, file]) => file !== undefined);
  const read = Object.fromEntries(files.map(([part, file]) => [part, readFileSync(file as string)]));
  return connectSecurely({ host, port, ...(isIP(servername) === 0 && { servername }), ...read });
}

function encoded(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

/** Undefined until all of the text has come. */
function readText(answer: string): string | undefined {
  const [, size, rest] = /(?:^|\r\n)\$(\d+)\r\n([^]*)$/.exec(answer) ?? [];
  return rest !== undefined && Buffer.byteLength(rest) >= Number(size) ? rest : undefined;
}

/** Undefined until host and port have come. */
function readMaster(answer: string): HostAndPort | 'unknown' | undefined {
  if (/(?:^|\r\n)(?:\*-1|_)\r\n/.test(answer)) return 'unknown';
  const [, host, port] = /\*2\r\n\$\d+\r\n(\S+)\r\n\$\d+\r\n(\d+)\r\n/.exec(answer) ?? [];
  return host === undefined ? undefined : { host, port: Number(port) };
}

/** Says all commands at once, and reads until the answer to the last one is whole, or an error came. */
function exchange<T>(
  socket: Socket,
  commands: readonly string[][],
  read: (answer: string) => T | undefined,
): Promise<T> {
  let timer: NodeJS.Timeout;
  return new Promise<T>((resolve, reject) => {
    let answer = '';
    // A timeout of the socket would begin anew with each byte.
    timer = setTimeout(
      () => reject(new Error(`no whole answer within ${ANSWERS_WITHIN_MS / 1000} s`)),
      ANSWERS_WITHIN_MS,
    );
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('it closed the connection')));
    socket.on('data', (bytes: Buffer) => {
      answer += bytes.toString();
      if (answer.length > MOST_LETTERS) reject(new Error('it does not speak like a Redis'));
      const refusal = /^-(?!.*(?:without any password configured|no password is set))(.*)\r\n/m.exec(
        answer,
      )?.[1];
      if (refusal !== undefined) reject(new Error(refusal));
      const found = read(answer);
      if (found !== undefined) resolve(found);
    });
    socket.write(commands.map(encoded).join(''));
  }).finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}
