import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { coreWorkers, type JsonValue } from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import type { HttpBackend } from '../testing/http-backend.ts';

const apps = resolve(import.meta.dirname, '../../..');
const { queues } = coreWorkers.general;

/** What a run of `test.effect` wrote down itself. */
export interface Entry {
  readonly event: 'started' | 'ended';
  readonly run: string;
  readonly organisation: string;
  readonly pid: number;
  readonly note: unknown;
}

interface Line {
  readonly message: string;
  readonly [field: string]: unknown;
}

/** A real process of the general worker. */
export interface RealWorker {
  readonly pid: number;
  /** All that it wrote, line by line. */
  readonly lines: readonly string[];
  /** The first line of this message. @throws when it ends before */
  line(message: string): Promise<Line>;
  kill(signal: NodeJS.Signals): void;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** What its health server answers. */
  ask(path: '/health' | '/ready'): Promise<{ status: number; body: Record<string, unknown> }>;
}

export interface RealWorkerOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly brokerUrl?: string;
  /** The contract version that it speaks; default: the one of this release. */
  readonly contractVersion?: number;
}

/** Workers of a backend that runs in this process, and the ledger that their tasks keep. */
export async function realWorkers(backend: HttpBackend) {
  const folder = join(backend.folder, '..');
  const tasks = join(folder, 'tasks');
  const ledger = join(folder, 'ledger.jsonl');
  mkdirSync(tasks, { recursive: true });
  copyFileSync(join(import.meta.dirname, 'ledger-tasks.fixture.ts'), join(tasks, 'ledger-tasks.ts'));
  const { secret } = await backend.keys.create({
    ...{ kind: 'service', name: 'general', workers: ['general'], queues: [...queues] },
  });
  const { id: organisation } = await backend.organisation();
  const started: RealWorker[] = [];

  return {
    organisation,
    serviceKey: secret,
    /** Resolves when it takes work; with another contract version as soon as the process is there. */
    async start({ env, brokerUrl = backend.config.brokerUrl, contractVersion }: RealWorkerOptions = {}) {
      const worker = spawnWorker(
        {
          ...{ BROKER_URL: brokerUrl, INTERNAL_API_BASE_URL: `${backend.url}/internal` },
          ...{ INTERNAL_SERVICE_API_KEY: secret, GENERAL_HEALTH_PORT: '0', LONGSHORE_HOME: folder },
          ...{ TASKS_DIR: tasks, TASKS_LEDGER: ledger, ...env },
        },
        contractVersion,
      );
      started.push(worker);
      if (contractVersion === undefined) {
        await worker.line('worker takes work');
        const skipped = worker.lines.find((line) => line.includes('task file skipped'));
        if (skipped !== undefined) throw new Error(skipped);
      }
      return worker;
    },
    /** Submits a run as everything does that starts one: rows, in one transaction. Answers its id. */
    submit: (task: string, input: JsonValue, organisationId = organisation) =>
      submit(backend, { task, input, organisationId }),
    /** What the runs wrote down, of one run or of all. */
    ledger(run?: string): Entry[] {
      if (!existsSync(ledger)) return [];
      const lines = readFileSync(ledger, 'utf8').split('\n').slice(0, -1);
      const entries = lines.map((line) => JSON.parse(line) as Entry);
      return run === undefined ? entries : entries.filter((entry) => entry.run === run);
    },
    run: async (id: string) =>
      (await backend.database.query('select * from runs where id = $1', [id]))[0] as RunRow,
    async stop() {
      for (const worker of started) worker.kill('SIGKILL');
      await Promise.all(started.map(({ ended }) => ended));
    },
  };
}
export type RealWorkers = Awaited<ReturnType<typeof realWorkers>>;

interface RunRow {
  readonly state: string;
  readonly epoch: number;
  readonly starts: number;
  readonly attempts: number;
  readonly output: { inline: { pid: number; note: unknown } } | null;
  readonly session_id: string | null;
}

async function submit(
  { database }: HttpBackend,
  { task, input, organisationId }: { task: string; input: JsonValue; organisationId: string },
): Promise<string> {
  const id = uuidV7();
  await database.transaction(async (client) => {
    await client.query(
      `insert into runs (id, organisation_id, root_id, task, queue, input, max_attempts, soft_limit_ms, hard_limit_ms)
       values ($1, $2, $1, $3, 'default', $4, 3, 60000, 60000)`,
      [id, organisationId, task, JSON.stringify(input)],
    );
    await client.query('insert into live_executions (id, organisation_id) values ($1, $2)', [
      id,
      organisationId,
    ]);
    await client.query(
      `insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due)
       values ($1, $2, $3, 'default', 0, array[$4::uuid], 1, true, now())`,
      [uuidV7(), organisationId, task, id],
    );
  });
  return id;
}

function spawnWorker(env: Record<string, string>, contractVersion: number | undefined): RealWorker {
  const speaking = contractVersion === undefined ? [] : ['--import', hookFor(contractVersion)];
  const child = spawn(process.execPath, [...speaking, join(apps, 'general/src/main.ts')], {
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const looks = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (text) => {
      lines.push(text);
      for (const look of looks) look();
    });
  }
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  const worker = {
    pid: child.pid!,
    lines,
    line: (message: string) => lineOf(message, { child, lines, looks, ended }),
    kill: (signal: NodeJS.Signals) => void child.kill(signal),
    ended,
    async ask(path: string) {
      const { port } = await worker.line('health server listens');
      const answer = await fetch(`http://127.0.0.1:${port as number}${path}`);
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    },
  };
  return worker;
}

interface Watched {
  readonly child: ChildProcess;
  readonly lines: readonly string[];
  readonly looks: Set<() => void>;
  readonly ended: Promise<unknown>;
}

function lineOf(message: string, { lines, looks, ended }: Watched): Promise<Line> {
  return new Promise((found, fail) => {
    const look = (): void => {
      const text = lines.find(
        (each) => each.startsWith('{') && (JSON.parse(each) as Line).message === message,
      );
      if (text === undefined) return;
      looks.delete(look);
      found(JSON.parse(text) as Line);
    };
    looks.add(look);
    look();
    void ended.then((code) => fail(new Error(`ended with ${String(code)} before: ${lines.join('\n')}`)));
  });
}

/** A module that makes a process of this release one of another: nothing but the number in its contract differs. */
function hookFor(contractVersion: number): string {
  const source = `
    import { registerHooks } from 'node:module';
    registerHooks({ load(url, context, next) {
      const loaded = next(url, context);
      if (!url.endsWith('/contracts/src/version.ts')) return loaded;
      const text = String(loaded.source);
      const other = text.replace(/CONTRACT_VERSION = \\d+;/, 'CONTRACT_VERSION = ${contractVersion};');
      if (other === text) throw new Error('the contract version stands elsewhere now');
      return { ...loaded, source: other };
    } });`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}
