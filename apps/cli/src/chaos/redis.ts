import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { type Clock, systemClock } from '@longshore/runtime';
import { CliError } from '../cli-error.ts';
import { claimPort } from '../platform/ports.ts';

/** A Redis of its own that keeps nothing on disk. */
export interface ThrowAwayRedis {
  readonly url: string;
  /** Runs the commands in one go. Each must be one that answers with a single line. Throws when one is refused. */
  send(commands: readonly (readonly string[])[]): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again on the same port, empty. */
  start(): Promise<void>;
}

/** Whether there is a `redis-server` on the PATH. */
export async function hasRedis(): Promise<boolean> {
  try {
    await promisify(execFile)('redis-server', ['--version']);
    return true;
  } catch {
    return false;
  }
}

/**
 * Redis does not mind the death of its parent. A shell between us waits for the end of its standard input, which ends with
 * us however we end, and then kills it.
 */
const KEEPER = 'redis-server "$@" & server=$!; cat > /dev/null; kill -9 "$server"; wait "$server"';
const STARTS_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 20;
const ANSWERS_WITHIN_MS = 5_000;

/** Starts a Redis on a free port of 127.0.0.1. */
export async function startRedis(folder: string, clock: Clock = systemClock): Promise<ThrowAwayRedis> {
  const port = await claimPort('127.0.0.1', 0);
  const settings = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', ''];
  const options = [...settings, '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];
  let keeper: ChildProcess | undefined;
  const send: ThrowAwayRedis['send'] = (commands) => exchange(port, commands);
  const kill = async (): Promise<void> => {
    const ending = keeper;
    keeper = undefined;
    if (ending === undefined) return;
    const exited = once(ending, 'exit');
    ending.stdin?.end();
    await exited;
  };
  const start = async (): Promise<void> => {
    // In a group of its own: a Ctrl-C in our terminal must reach it through us alone.
    keeper ??= spawn('sh', ['-c', KEEPER, 'sh', ...options], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    await untilAnswers(() => send([['PING']]), clock);
  };
  await start().catch(async (error: unknown) => {
    await kill();
    throw error;
  });
  return { url: `redis://127.0.0.1:${port}`, send, kill, start };
}

async function untilAnswers(ping: () => Promise<void>, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + STARTS_WITHIN_MS;
  for (;;) {
    try {
      return await ping();
    } catch (error) {
      if (clock.monotonic() > deadline)
        throw new CliError('The redis-server that was started does not answer.', { cause: error });
    }
    await clock.sleep(LOOK_EVERY_MS);
  }
}

/** On a connection of its own, in the protocol of Redis. */
async function exchange(port: number, commands: readonly (readonly string[])[]): Promise<void> {
  const signal = AbortSignal.timeout(ANSWERS_WITHIN_MS);
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect', { signal });
    socket.write(commands.map(encode).join(''));
    let answer = '';
    while (answer.split('\r\n').length <= commands.length) {
      const [chunk] = (await once(socket, 'data', { signal })) as [Buffer];
      answer += chunk.toString();
    }
    const refusal = answer.split('\r\n').find((line) => line.startsWith('-'));
    if (refusal !== undefined) throw new Error(`Redis: ${refusal.slice(1)}`);
  } finally {
    socket.destroy();
  }
}

function encode(words: readonly string[]): string {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${words.length}\r\n${parts.join('')}`;
}
