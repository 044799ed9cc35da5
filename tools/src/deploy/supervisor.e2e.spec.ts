import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { coreWorkerNames } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { root } from '../run-steps.ts';
import { instanceSettings, type InstanceSettings, until } from './instance.fixture.ts';

const isInstalled = ((): boolean => {
  try {
    execFileSync('supervisord', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

const apps = ['backend', ...coreWorkerNames];
let folder: string;
let postgres: TestPostgres;
let instance: InstanceSettings;
let supervisor: { stop(): Promise<void> };

const ctl = async (...args: string[]): Promise<string> => {
  const config = join(folder, 'supervisord.conf');
  const run = promisify(execFile)('supervisorctl', ['-c', config, ...args]);
  // Its exit code tells of programs that do not run; the text tells which.
  return (await run.catch((error: unknown) => error as { stdout: string })).stdout;
};

/** Bundles, settings and keys as docs/servers.md lays them out, below a folder of our own. */
async function layOut(): Promise<void> {
  const secrets = join(folder, 'secrets');
  instance = await instanceSettings({
    postgres,
    secrets,
    credentialsFile: join(secrets, 'credentials.json'),
  });
  const storage = `STORAGE_DIR=${join(folder, 'files')}`;
  for (const app of apps) {
    execFileSync(process.execPath, ['tools/src/build.ts', app, join(folder, 'opt', app)], { cwd: root });
    mkdirSync(join(folder, 'etc', app), { recursive: true });
    writeFileSync(join(folder, 'etc', app, '.env'), [...instance.lines[app]!, storage, ''].join('\n'));
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

(isInstalled ? describe : describe.skip)('supervisor with the shipped configuration', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'longshore-supervisor-'));
    postgres = await startPostgres();
    await layOut();
    supervisor = startSupervisor();
  });

  afterAll(async () => {
    await supervisor?.stop();
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('runs the backend and every worker, and starts again what was killed', async () => {
    await until(async () => (await instance.activeWorkers()).size === coreWorkerNames.length);
    const before = (await instance.activeWorkers()).get('callback')!;
    process.kill(before, 'SIGKILL');
    await until(async () => ![undefined, before].includes((await instance.activeWorkers()).get('callback')));
    await until(async () => {
      const programs = (await ctl('status')).trim().split('\n');
      return programs.length === apps.length && programs.every((line) => line.includes('RUNNING'));
    });
  });

  it('stops a worker in order: its session has ended before the process has', async () => {
    await ctl('stop', 'longshore:general-0');
    expect([...(await instance.activeWorkers()).keys()]).not.toContain('general');
    expect(await ctl('status', 'longshore:general-0')).toContain('STOPPED');
    expect(readFileSync(join(folder, 'supervisord.log'), 'utf8')).toMatch(
      /stopped: general-0 \(exit status 0\)/,
    );
  });

  it('stops the backend when the workers have stopped, which tell it what they have done', async () => {
    await supervisor.stop();
    const log = readFileSync(join(folder, 'supervisord.log'), 'utf8');
    const last = [...log.matchAll(/stopped: (\S+)-0 \(exit status 0\)/g)].map(([, name]) => name);
    expect([last.length, last.at(-1)]).toEqual([apps.length, 'backend']);
  });
});
