import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { coreWorkerNames, type WorkersResponse } from '@longshore/contracts';
import { startPlatform, type TestPlatform } from '@longshore/testing';
import { parse } from 'yaml';
import { root } from '../run-steps.ts';
import { standIns } from './stand-in.fixture.ts';

const script = join(root, 'tools/run-worker.sh');
let platform: TestPlatform;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'longshore-scripts-'));
  platform = await startPlatform();
});
afterAll(async () => {
  await run('-k');
  await platform?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const env = () => ({
  ...process.env,
  LONGSHORE_HOME: platform.home,
  LONGSHORE_LOG_DIR: join(folder, 'logs'),
});

function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((done) => {
    execFile(script, args, { cwd: folder, env: env() }, (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

const pidOf = (name: string) => Number(readFileSync(join(folder, 'logs', `${name}.pid`), 'utf8'));

/** What the backend hears of a process that was started under this name. */
async function heardOf(name: string) {
  const pid = pidOf(name);
  const headers = { authorization: `Bearer ${platform.adminKey}` };
  const answer = await fetch(`${platform.url}/api/v1/workers`, { headers });
  const { pools } = (await answer.json()) as WorkersResponse;
  for (const { queues, sessions } of pools)
    for (const session of sessions)
      if (session.instance === name && session.pid === pid) return { ...session, queues };
  return undefined;
}

async function until<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('tools/run-worker.sh beside a real backend', () => {
  it('starts in the background, tells how it is, starts again as it was, and stops in order', async () => {
    writeFileSync(join(folder, 'own.env'), 'WORKER_CONCURRENCY="3"\n');
    const started = await run(
      '-d',
      '-e',
      'own.env',
      '-q',
      'default,low_priority',
      '-n',
      'general-02',
      'general',
    );
    expect(started).toMatchObject({ code: 0, err: '' });
    expect(started.out).toMatch(
      /^general-02 runs \(process \d+, health on port \d+, log .*general-02\.log\)\n$/,
    );
    const first = await until(() => heardOf('general-02'));
    expect(first).toMatchObject({
      ...{ pid: pidOf('general-02'), concurrency: 3, queues: ['default', 'low_priority'] },
    });

    const twice = await run('-d', '-n', 'general-02', 'general');
    expect([twice.code, twice.err]).toEqual([1, expect.stringContaining('general-02 runs already')]);

    await until(async () => (await run('-s')).code === 0);
    expect((await run('-s', 'general')).out).toMatch(
      new RegExp(
        `^general-02 +process ${first.pid} +port ${first.health_port} +healthy, 0 at work, 0 done\n$`,
      ),
    );
    expect((await run('-L', 'general-02')).out).toContain('worker takes work');

    process.kill(first.pid, 'SIGKILL');
    await until(async () => (await run('-s')).out === 'general-02               is not running\n');
    expect((await run('-r')).code).toBe(0);
    const second = await until(() => heardOf('general-02'));
    expect(second).toMatchObject({ concurrency: 3, queues: ['default', 'low_priority'] });
    expect(second.pid).not.toBe(first.pid);

    expect(await run('-k')).toMatchObject({ code: 0, out: 'general-02 has stopped\n' });
    expect(readFileSync(join(folder, 'logs', 'general-02.log'), 'utf8')).toMatch(/"message":"exit".*\n$/);
    expect((await run('-s')).code).toBe(3);
  });

  it('runs several in the foreground, which stop together when it is told to', async () => {
    const child = spawn(script, ['api', 'callback'], { cwd: folder, env: env() });
    let said = '';
    child.stdout.on('data', (part: Buffer) => (said += part.toString()));
    await until(async () => said.split('worker takes work').length === 3);
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(said.split('"message":"exit"')).toHaveLength(3);
  });

  it('tells what is wrong with the settings, and leaves nothing behind', async () => {
    const refused = await run('-d', '-c', 'many', 'file');
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(
      /file-processing ended with 1 as soon as it was started:\n.*WORKER_CONCURRENCY/s,
    );
    expect((await run('-s')).code).toBe(3);
  });

  it.each([
    [['boat'], 'there is no worker "boat"'],
    [['backend'], 'there is no worker "backend"'],
    [[], 'which worker?'],
    [['-p', '8090', 'api', 'file'], '-p is for one worker at a time'],
    [['-s', '-k'], 'exclude each other'],
    [['-x'], '-x is no option'],
    [['-c'], '-c needs a value'],
    [['api', '-d'], 'options go before the workers'],
    [['-n', '../x', 'api'], 'is no name'],
  ])('refuses %j', async (args, reason) => {
    const { code, err } = await run(...args);
    expect([code, err]).toEqual([2, expect.stringContaining(reason)]);
  });

  it('refuses a file of variables that is not there', async () => {
    expect(await run('-e', 'none.env', 'api')).toMatchObject({
      code: 1,
      err: 'run-worker: cannot read none.env\n',
    });
  });
});

describe('tools/monitor-workers.sh with stand-ins of docker and kubectl, and a real backend', () => {
  const monitor = standIns();
  afterAll(monitor.remove);

  it('shows containers, workers, queues, jobs and logs of development', async () => {
    const services = ['backend', ...coreWorkerNames, 'general-devops', 'postgres', 'redis'];
    monitor.standIn('docker', [
      { to: '*"config --services"*', by: `printf '%s\\n' ${services.join(' ')}` },
      { to: '*logs*', by: `printf '\\033[2Kgeneral-1 | a line\\n'` },
    ]);
    const { code, out, err } = await monitor.run('monitor-workers.sh', ['-n', '7'], {
      LONGSHORE_URL: platform.url,
      LONGSHORE_ADMIN_API_KEY: platform.adminKey,
      LONGSHORE_API_KEY: platform.apiKey,
    });
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/== Workers that the backend hears of\nWORKER .*\n.*file-processing /s);
    expect(out).toMatch(/== Queues\nQUEUE .*api_deployments /s);
    expect(out).toContain('No queued tasks.');
    expect(out).toContain('== Last log lines\ngeneral-1 | a line\n');
    const compose = 'docker compose -f docker/compose.yaml -f docker/compose.dev.yaml';
    const workers = [...coreWorkerNames, 'general-devops'].join(' ');
    expect(monitor.asked()).toEqual([
      ...[`${compose} ps`, `${compose} config --services`],
      `${compose} logs --no-color --tail 7 ${workers}`,
    ]);
  });

  it('shows deployments, pods, autoscalers and events of a cluster, with its own keys and through a port that it forwards', async () => {
    const keys = JSON.stringify({ admin_key: platform.adminKey, api_key: platform.apiKey });
    const { port } = new URL(platform.url);
    monitor.standIn('kubectl', [
      { to: '*"get secret longshore"*', by: `printf %s '${Buffer.from(keys).toString('base64')}'` },
      { to: '*port-forward*', by: `echo "Forwarding from 127.0.0.1:${port} -> 8000"; exec sleep 600` },
    ]);
    const { code, out, err } = await monitor.run('monitor-workers.sh', ['prod']);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/== Queues\nQUEUE .*api_deployments /s);
    const asked = monitor.asked();
    expect(asked.every((line) => line.startsWith('kubectl --namespace longshore-prod '))).toBe(true);
    for (const what of ['get deployments', 'get pods', 'get hpa', 'get events', 'logs --selector'])
      expect(asked.some((line) => line.includes(` ${what}`))).toBe(true);
  });

  it('shows the rest when the backend cannot be reached, and exits with 1', async () => {
    monitor.standIn('kubectl', [{ to: '*port-forward*', by: 'echo "service not found" >&2; exit 1' }]);
    const { code, out, err } = await monitor.run('monitor-workers.sh', ['stage']);
    expect([code, err]).toEqual([1, 'monitor-workers: no way to the backend: service not found\n']);
    expect(out).toContain('== Last log lines');
  });
});

describe('tools/start-multi-worker.sh with a stand-in of docker, and a real backend', () => {
  const multi = standIns();
  afterAll(multi.remove);
  const secrets = join(multi.folder, 'secrets');
  const file = join(multi.folder, 'compose.multi-worker.yaml');
  const start = (...workers: string[]) =>
    multi.run('start-multi-worker.sh', workers, { SECRETS_DIR: secrets, PORT: new URL(platform.url).port });

  beforeAll(() => {
    mkdirSync(secrets);
    multi.standIn('docker');
    writeFileSync(join(secrets, 'admin_key'), platform.adminKey);
  });

  it('starts all, gives each worker its queues and groups, and makes a key for queues that the general worker may not serve', async () => {
    const { code } = await start('devops=devops,deploys:DevOps,Data Base', 'high=high_priority');
    expect(code).toBe(0);
    const { services } = parse(readFileSync(file, 'utf8')) as { services: Record<string, unknown> };
    const key = { INTERNAL_SERVICE_API_KEY_FILE: '/run/secrets/service_key_general-devops' };
    expect(services).toMatchObject({
      general: { command: ['-q', 'general,default,low_priority'] },
      'general-devops': {
        command: ['-q', 'devops,deploys'],
        environment: { TASK_GROUPS: 'DevOps,Data Base', ...key },
        secrets: ['service_key_general-devops'],
      },
      'general-high': { command: ['-q', 'high_priority'], environment: { TASK_GROUPS: '' } },
    });
    const compose = `docker compose -f docker/compose.yaml -f ${file}`;
    expect(multi.asked().filter((line) => line.startsWith('docker compose'))).toEqual([
      `${compose} up -d --wait backend`,
      `${compose} up -d --remove-orphans`,
      `${compose} ps`,
    ]);

    const made = readFileSync(join(secrets, 'service_key_general-devops'), 'utf8').trim();
    const headers = { authorization: `Bearer ${made}` };
    expect((await fetch(`${platform.url}/internal/v1/health/`, { headers })).status).toBe(200);
    await start('devops=devops');
    expect(readFileSync(join(secrets, 'service_key_general-devops'), 'utf8').trim()).toBe(made);
  });

  const hasCompose = (() => {
    try {
      return execFileSync('docker', ['compose', 'version'], { stdio: 'ignore' }) === null;
    } catch {
      return false;
    }
  })();
  (hasCompose ? it : it.skip)('writes what docker compose understands (needs docker compose)', async () => {
    await start();
    const args = [
      'compose',
      '-f',
      join(root, 'docker/compose.yaml'),
      '-f',
      file,
      'config',
      '--format',
      'json',
    ];
    const { services } = JSON.parse(execFileSync('docker', args).toString()) as {
      services: Record<string, { image: string; command: string[]; networks: object }>;
    };
    expect(services['general-high']).toMatchObject({
      image: services['general']!.image,
      command: ['-q', 'high_priority'],
      networks: services['general']!.networks,
    });
    expect(services['general']!.command).toEqual(['-q', 'general,default,low_priority']);
  });
});
