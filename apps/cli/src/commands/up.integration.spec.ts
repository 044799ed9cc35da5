import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { coreWorkerNames, routes } from '@longshore/contracts';
import { startRedis } from '@longshore/testing';
import { createPlatformClient } from '../client/platform-client.ts';
import {
  cleanUp,
  cleanups,
  exists,
  processIds,
  type Ready,
  runCommand,
  startUp,
  temporaryHome,
  withoutWorkers,
} from '../running-command.fixture.ts';

const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;
/** Needs this checkout to be open to another user: in one under a private home such a test cannot run. */
const itAsNobody =
  isRoot && spawnSync(process.execPath, ['-e', ''], { uid: NOBODY, gid: NOBODY }).status !== 0 ? it.skip : it;

afterEach(cleanUp);

function adminOf({ url, admin_key: key }: Ready) {
  return createPlatformClient({ url, key });
}

const APPLIED = {
  organisation: 'default',
  documents: [{ kind: 'workflow' as const, name: 'kept', steps: [{ read: {} }] }],
};

describe('longshore up', () => {
  it('prints one line when it is ready, and ends everything on Ctrl-C', async () => {
    const home = temporaryHome();
    const { child, ended, ready } = await startUp(withoutWorkers, { home });
    expect((await fetch(`${ready.url}/ready`)).status).toBe(200);
    expect(ready.org).toBe('default');
    const pids = processIds(home);
    expect(pids).toHaveLength(2);
    child.kill('SIGINT');
    const { code, out, err } = await ended;
    expect({ code, err, lines: out.split('\n').length }).toEqual({ code: 0, err: '', lines: 2 });
    expect(pids.filter(exists)).toEqual([]);
    expect(readdirSync(join(home, 'postgres', 'cluster'))).not.toContain('postmaster.pid');
    expect(statSync(join(home, 'credentials.json')).mode & 0o777).toBe(0o600);
  });

  it('finds everything as it was after an orderly end, and after a kill of every process', async () => {
    const home = temporaryHome();
    const first = await startUp(withoutWorkers, { home });
    await adminOf(first.ready).call(routes.apply, { body: APPLIED });
    first.child.kill('SIGTERM');
    await first.ended;

    const second = await startUp(withoutWorkers, { home });
    expect(second.ready).toEqual({ ...first.ready, url: second.ready.url });
    const postmaster = Number(
      readFileSync(join(home, 'postgres', 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0],
    );
    for (const pid of [...processIds(home), postmaster]) process.kill(pid, 'SIGKILL');
    await second.ended;

    const third = await startUp(withoutWorkers, { home });
    expect(third.ready).toEqual({ ...first.ready, url: third.ready.url });
    const { changes } = await adminOf(third.ready).call(routes.apply, { body: APPLIED });
    expect(changes).toMatchObject([{ kind: 'workflow', name: 'kept', action: 'unchanged', version: 1 }]);
  });

  it('goes on where a platform was whose parent alone was killed', async () => {
    const home = temporaryHome();
    const first = await startUp(withoutWorkers, { home });
    const [, backend = 0] = processIds(home);
    first.child.kill('SIGKILL');
    await first.ended;
    const second = await startUp(withoutWorkers, { home });
    expect(second.ready.admin_key).toBe(first.ready.admin_key);
    expect(exists(backend)).toBe(false);
  });

  it('starts the backend again when that dies', async () => {
    const home = temporaryHome();
    const { ready, told } = await startUp(withoutWorkers, { home });
    const [, backend = 0] = processIds(home);
    process.kill(backend, 'SIGKILL');
    for (;;) {
      const answer = await fetch(`${ready.url}/ready`).catch(() => undefined);
      if (answer?.ok && processIds(home)[1] !== backend) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(told.err).toContain('backend was killed (SIGKILL) and is started again');
  });

  it('writes the settings with which a worker that was left out can join', async () => {
    const home = temporaryHome();
    await startUp(withoutWorkers, { home });
    const settings = parseEnv(readFileSync(join(home, 'dev', 'file-processing.env'), 'utf8'));
    const answer = await fetch(`${settings['INTERNAL_API_BASE_URL']}/v1/health/`, {
      headers: { authorization: `Bearer ${settings['INTERNAL_SERVICE_API_KEY']}` },
    });
    expect(answer.status).toBe(200);
    expect(settings['BROKER_URL']).toMatch(/^postgres:\/\/longshore_broker:.*\/broker$/);
  });

  it('delivers through the Redis that BROKER_URL names, and keeps the truth in its own database', async () => {
    const redis = await startRedis();
    cleanups.push(() => redis.stop());
    const home = temporaryHome();
    await startUp(withoutWorkers, { home, env: { BROKER_URL: redis.url } });
    const settings = parseEnv(readFileSync(join(home, 'dev', 'general.env'), 'utf8'));
    expect(settings['BROKER_URL']).toBe(redis.url);
    expect(processIds(home)).toHaveLength(2);
  });

  it('is seen by ps and stopped by down', async () => {
    const home = temporaryHome();
    const { ended, ready } = await startUp(withoutWorkers, { home });
    const [pid, backend] = processIds(home);
    expect(JSON.parse((await runCommand(['ps', '--json'], { home })).out)).toMatchObject({
      pid,
      url: ready.url,
      processes: [{ name: 'backend', pid: backend }],
    });
    expect(await runCommand(['down'], { home })).toEqual({ code: 0, out: 'Stopped.\n', err: '' });
    expect((await ended).code).toBe(0);
    expect((await runCommand(['ps'], { home })).out).toContain(`Nothing runs in ${home}`);
    expect((await runCommand(['down'], { home })).out).toBe(`Nothing runs in ${home}.\n`);
  });
});

describe('longshore up refuses, in one sentence and with an exit code,', () => {
  it('a home that another one uses', async () => {
    const home = temporaryHome();
    await startUp(withoutWorkers, { home });
    expect(await runCommand(['up'], { home })).toEqual({
      code: 1,
      out: '',
      err: `Another running Longshore uses ${home}: stop that one, or choose another folder with LONGSHORE_HOME.\n`,
    });
  });

  it('a port that another program has', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    cleanups.push(() => other.close());
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    expect(await runCommand(['up'], { home: temporaryHome(), env: { PORT: String(port) } })).toEqual({
      code: 1,
      out: '',
      err: `Port ${port} of 127.0.0.1 is in use by another program: stop that one, or choose another port with PORT.\n`,
    });
  });

  it('a broker that is none, naming the variable', async () => {
    const { code, err } = await runCommand(['up'], {
      home: temporaryHome(),
      env: { BROKER_URL: 'amqp://x' },
    });
    expect(code).toBe(1);
    expect(err).toContain('BROKER_URL names RabbitMQ');
  });

  it('a worker that does not exist', async () => {
    const { code, err } = await runCommand(['up', '--without', 'payroll'], { home: temporaryHome() });
    expect(code).toBe(2);
    expect(err).toContain(`Allowed: ${coreWorkerNames.join(', ')}.`);
  });

  (existsSync('/proc/self') ? it : it.skip)('a home that cannot be made', async () => {
    expect(await runCommand(['up'], { home: '/proc/longshore/home' })).toEqual({
      code: 1,
      out: '',
      err: 'No folder can be made at /proc/longshore/home: choose another one with LONGSHORE_HOME.\n',
    });
  });

  it('a home in whose place there is a file', async () => {
    const home = join(temporaryHome(), 'home');
    writeFileSync(home, '');
    const { code, err } = await runCommand(['up'], { home });
    expect({ code, err }).toEqual({
      code: 1,
      err: `No folder can be made at ${home}: choose another one with LONGSHORE_HOME.\n`,
    });
  });

  itAsNobody('a folder in which it may not write', async () => {
    const closed = mkdtempSync('/tmp/longshore-closed-');
    cleanups.push(() => rmSync(closed, { recursive: true }));
    const options = { home: join(closed, 'home'), ...(isRoot && { uid: NOBODY }) };
    if (!isRoot) execFileSync('chmod', ['0555', closed]);
    const { code, err } = await runCommand(['up'], options);
    expect({ code, lines: err.trim().split('\n') }).toEqual({
      code: 1,
      lines: [
        `This user may not write in ${options.home}: give it that right, or choose another folder with LONGSHORE_HOME.`,
      ],
    });
  });
});

(isRoot ? describe : describe.skip)('longshore up without root', () => {
  itAsNobody('keeps everything in the home', async () => {
    const home = temporaryHome();
    const { child, ended } = await startUp(withoutWorkers, { home, uid: NOBODY });
    expect(statSync(join(home, 'postgres', 'cluster')).uid).toBe(NOBODY);
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 0, err: '' });
  });
});

function canMount(): boolean {
  const path = mkdtempSync('/tmp/longshore-mount-');
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'none', path], { stdio: 'ignore' });
    execFileSync('umount', [path]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

(canMount() ? describe : describe.skip)('longshore up on a disk', () => {
  function disk(options: string): string {
    const home = temporaryHome();
    execFileSync('mount', ['-t', 'tmpfs', '-o', `mode=755,${options}`, 'none', home]);
    cleanups.push(() => execFileSync('umount', ['--lazy', home]));
    return home;
  }

  it('that is full says so in one sentence', async () => {
    const { code, err } = await runCommand(['up'], { home: disk('size=10m') });
    expect({ code, lines: err.trim().split('\n') }).toEqual({
      code: 1,
      lines: [
        expect.stringMatching(
          /^The disk that holds .* has \d+ MB left .*: free some space and start again\.$/,
        ),
      ],
    });
  });

  it('that is read-only says so in one sentence', async () => {
    const { code, err } = await runCommand(['up'], { home: disk('ro') });
    expect({ code, lines: err.trim().split('\n') }).toEqual({
      code: 1,
      lines: [expect.stringMatching(/^The file system that holds .* is read-only/)],
    });
  });
});
