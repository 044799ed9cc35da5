import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { coreWorkerNames } from '@longshore/contracts';
import { freePort, startPostgres, type TestPostgres } from '@longshore/testing';
import { root } from '../run-steps.ts';

const isInstalled = ((): boolean => {
  try {
    execFileSync('supervisord', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

interface Credentials {
  readonly admin_key: string;
  readonly service_keys: Readonly<Record<string, string>>;
}

const apps = ['backend', ...coreWorkerNames];
let folder: string;
let postgres: TestPostgres;
let url: string;
let adminKey: string;
let supervisor: { stop(): Promise<void> };

const ctl = async (...args: string[]): Promise<string> => {
  const config = join(folder, 'supervisord.conf');
  const run = promisify(execFile)('supervisorctl', ['-c', config, ...args]);
  // Its exit code tells of programs that do not run; the text tells which.
  return (await run.catch((error: unknown) => error as { stdout: string })).stdout;
};

/** Bundles, settings and keys as docs/servers.md lays them out, below a folder of our own. */
async function layOut(): Promise<void> {
  execFileSync(join(root, 'docker/make-secrets.sh'), [join(folder, 'secrets')]);
  const credentialsFile = join(folder, 'secrets/credentials.json');
  const credentials = JSON.parse(readFileSync(credentialsFile, 'utf8')) as Credentials;
  adminKey = credentials.admin_key;
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  const broker = `BROKER_URL=${await postgres.createDatabase('broker')}`;
  const settings: Record<string, string[]> = {
    backend: [
      broker,
      `DATABASE_URL=${await postgres.createDatabase('truth')}`,
      `LONGSHORE_BOOTSTRAP_FILE=${credentialsFile}`,
      `STORAGE_DIR=${join(folder, 'files')}`,
      `PORT=${port}`,
    ],
  };
  for (const name of coreWorkerNames) {
    const key = `INTERNAL_SERVICE_API_KEY=${credentials.service_keys[name]}`;
    settings[name] = [broker, key, `INTERNAL_API_BASE_URL=${url}/internal`];
  }
  for (const app of apps) {
    execFileSync(process.execPath, ['tools/src/build.ts', app, join(folder, 'opt', app)], { cwd: root });
    mkdirSync(join(folder, 'etc', app), { recursive: true });
    writeFileSync(join(folder, 'etc', app, '.env'), `${settings[app]!.join('\n')}\n`);
  }
  for (const each of ['log', 'lib']) mkdirSync(join(folder, each));
}

/** The shipped file, with its absolute paths below our folder and without another user to become. */
function adapted(): string {
  return readFileSync(join(root, 'deploy/supervisor/longshore.conf'), 'utf8')
    .replaceAll('/opt/longshore', join(folder, 'opt'))
    .replaceAll('/etc/longshore', join(folder, 'etc'))
    .replaceAll('/var/log/longshore', join(folder, 'log'))
    .replaceAll('/var/lib/longshore', join(folder, 'lib'))
    .replaceAll('user=longshore\n', '');
}

function startSupervisor(): { stop(): Promise<void> } {
  const socket = join(folder, 'supervisor.sock');
  const config = [
    `[unix_http_server]\nfile=${socket}`,
    `[supervisord]\nnodaemon=true\nlogfile=${join(folder, 'supervisord.log')}\npidfile=${join(folder, 'supervisord.pid')}`,
    '[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface',
    `[supervisorctl]\nserverurl=unix://${socket}`,
    adapted(),
  ];
  writeFileSync(join(folder, 'supervisord.conf'), config.join('\n'));
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` };
  const child = spawn('supervisord', ['-c', join(folder, 'supervisord.conf')], { env, stdio: 'ignore' });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

/** Asks until the answer is as wanted; the test's own time limit ends it. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition().catch(() => false))) await new Promise((resolve) => setTimeout(resolve, 100));
}

async function activeWorkers(): Promise<Map<string, number>> {
  const headers = { authorization: `Bearer ${adminKey}` };
  const answer = await fetch(`${url}/api/v1/workers`, { headers });
  const { pools } = (await answer.json()) as {
    pools: { worker: string; sessions: { state: string; pid: number }[] }[];
  };
  const active = pools.flatMap(({ worker, sessions }) =>
    sessions.filter(({ state }) => state === 'active').map(({ pid }): [string, number] => [worker, pid]),
  );
  return new Map(active);
}

(isInstalled ? describe : describe.skip)('supervisor with the shipped configuration', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'longshore-supervisor-'));
    postgres = await startPostgres();
    await layOut();
    supervisor = startSupervisor();
  }, 120_000);

  afterAll(async () => {
    await supervisor?.stop();
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  it('runs the backend and every worker, and starts again what was killed', async () => {
    await until(async () => (await activeWorkers()).size === coreWorkerNames.length);
    const before = (await activeWorkers()).get('callback')!;
    process.kill(before, 'SIGKILL');
    await until(async () => ![undefined, before].includes((await activeWorkers()).get('callback')));
    await until(async () => {
      const programs = (await ctl('status')).trim().split('\n');
      return programs.length === apps.length && programs.every((line) => line.includes('RUNNING'));
    });
  }, 90_000);

  it('stops a worker in order: its session has ended before the process has', async () => {
    await ctl('stop', 'longshore:general-0');
    expect([...(await activeWorkers()).keys()]).not.toContain('general');
    expect(await ctl('status', 'longshore:general-0')).toContain('STOPPED');
    expect(readFileSync(join(folder, 'supervisord.log'), 'utf8')).toMatch(
      /stopped: general-0 \(exit status 0\)/,
    );
  }, 60_000);
});
