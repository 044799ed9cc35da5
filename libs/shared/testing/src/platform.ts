import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './free-port.ts';

const root = resolve(import.meta.dirname, '../../../..');

/** A whole platform in processes of its own, as `longshore up` starts it. */
export interface TestPlatform {
  readonly url: string;
  readonly apiKey: string;
  readonly adminKey: string;
  readonly home: string;
  /** The process id of `backend` or of a worker, as it is now. */
  pidOf(name: string): number;
  /** SIGKILL, as the kernel's out-of-memory killer does it. */
  kill9(name: string): void;
  /** Ends everything in order and removes its folder. @returns the exit code of `longshore up`. */
  stop(): Promise<number | null>;
}

interface ReadyLine {
  readonly url: string;
  readonly api_key: string;
  readonly admin_key: string;
}

/** Starts a platform on embedded storage in a temporary home, on a free port. `env` is added to the environment. */
export async function startPlatform(env: Readonly<Record<string, string>> = {}): Promise<TestPlatform> {
  const home = await mkdtemp(join(tmpdir(), 'longshore-e2e-'));
  const child = spawn(process.execPath, ['apps/cli/src/main.ts', 'up', '--json'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LONGSHORE_HOME: home, PORT: String(await freePort()), LOG_LEVEL: 'INFO', ...env },
  });
  const ready = await readyLine(child);
  const pidOf = (name: string): number => {
    const instance = JSON.parse(readFileSync(join(home, 'instance.json'), 'utf8')) as {
      processes: { name: string; pid: number }[];
    };
    const found = instance.processes.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no process ${name} is running`);
    return found.pid;
  };
  return {
    url: ready.url,
    apiKey: ready.api_key,
    adminKey: ready.admin_key,
    home,
    pidOf,
    kill9: (name) => process.kill(pidOf(name), 'SIGKILL'),
    async stop() {
      const code = await ended(child);
      await rm(home, { recursive: true, force: true });
      return code;
    },
  };
}

function readyLine(child: ChildProcess): Promise<ReadyLine> {
  let complaints = '';
  child.stderr!.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  return new Promise((done, fail) => {
    createInterface({ input: child.stdout! }).once('line', (line) => done(JSON.parse(line) as ReadyLine));
    child.once('exit', (code) => fail(new Error(`longshore up ended with ${code}: ${complaints}`)));
  });
}

function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((done) => {
    child.once('exit', (code) => done(code));
    child.kill('SIGTERM');
  });
}
