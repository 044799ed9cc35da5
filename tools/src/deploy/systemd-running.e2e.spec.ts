import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { coreWorkerNames } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { root } from '../run-steps.ts';
import { docker, engineIsThere } from './docker-engine.fixture.ts';
import { instanceSettings, type InstanceSettings, until } from './instance.fixture.ts';

/** A Debian with systemd; made once and kept, because it takes a minute. */
const IMAGE = 'longshore-test-systemd:bookworm';

const imageCanBeHad = ((): boolean => {
  if (!engineIsThere) return false;
  try {
    execFileSync('docker', ['image', 'inspect', IMAGE], { stdio: 'ignore' });
    return true;
  } catch {
    return existsSync('/usr/bin/mmdebstrap');
  }
})();

async function makeImage(): Promise<void> {
  const make = `mmdebstrap --quiet --variant=minbase --include=systemd-sysv,procps bookworm - | docker import - ${IMAGE}`;
  const isHere = await docker('image', 'inspect', IMAGE).catch(() => undefined);
  if (isHere === undefined) await promisify(execFile)('sh', ['-c', make], { maxBuffer: 64 << 20 });
}

const apps = ['backend', ...coreWorkerNames];
const workerUnits = coreWorkerNames.map((name) => `longshore-${name}@1.service`);
const units = ['longshore-backend.service', ...workerUnits];

/** What docs/servers.md tells a person to do. `PrivateUsers` alone is taken back where the kernel of the container knows no user namespaces. */
const SET_UP = `
useradd --system --home-dir /var/lib/longshore --shell /usr/sbin/nologin longshore
cp -r /units/* /etc/systemd/system/
install -d -m 750 -g longshore /etc/longshore
cp /settings/* /etc/longshore/
chown root:longshore /etc/longshore/*
chmod 640 /etc/longshore/*
systemd-run --quiet --wait -p PrivateUsers=true /bin/true || printf '[Service]\\nPrivateUsers=false\\n' > /etc/systemd/system/longshore-.service.d/90-container.conf
systemctl daemon-reload
systemctl enable --quiet --now ${units.join(' ')} longshore.target
`;

// An image is made, and the units wait ten seconds before they start anything again.
jest.setTimeout(300_000);

(imageCanBeHad ? describe : describe.skip)('the systemd units under a running systemd', () => {
  let folder: string;
  let postgres: TestPostgres;
  let instance: InstanceSettings;
  let container: string | undefined;

  const inside = (...command: string[]): Promise<string> => docker('exec', container!, ...command);
  const property = (unit: string, name: string) => inside('systemctl', 'show', '-P', name, unit);

  /** Environment files and credentials as they go to /etc/longshore. */
  async function layOut(): Promise<void> {
    const settings = join(folder, 'settings');
    mkdirSync(settings);
    const secrets = join(folder, 'secrets');
    const credentialsFile = '/etc/longshore/credentials.json';
    instance = await instanceSettings({ postgres, secrets, credentialsFile });
    execFileSync('cp', [join(secrets, 'credentials.json'), settings]);
    writeFileSync(join(settings, 'longshore.env'), '');
    for (const app of apps) {
      execFileSync(process.execPath, ['tools/src/build.ts', app, join(folder, 'opt', app)], { cwd: root });
      writeFileSync(join(settings, `${app}.env`), `${instance.lines[app]!.join('\n')}\n`);
    }
  }

  async function boot(): Promise<void> {
    const rights = [
      '--cap-add',
      'SYS_ADMIN',
      '--security-opt',
      'seccomp=unconfined',
      '--security-opt',
      'apparmor=unconfined',
    ];
    const memory = ['/run', '/run/lock', '/tmp'].flatMap((path) => ['--tmpfs', path]);
    const mounts = [
      `${process.execPath}:/usr/bin/node:ro`,
      `${join(folder, 'opt')}:/opt/longshore:ro`,
      `${join(folder, 'settings')}:/settings:ro`,
      `${join(root, 'deploy/systemd')}:/units:ro`,
    ].flatMap((mount) => ['-v', mount]);
    const init =
      'for m in /sys/fs/cgroup /sys/fs/cgroup/*; do mount -o remount,rw $m 2>/dev/null; done; exec /sbin/init';
    const options = ['--detach', '--cgroupns=private', '--network', 'host', ...rights, ...memory, ...mounts];
    container = await docker('run', ...options, IMAGE, '/bin/sh', '-c', init);
    await until(async () => /running|degraded/.test(await inside('systemctl', 'is-system-running')));
    await inside('sh', '-euc', SET_UP);
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'longshore-systemd-'));
    [postgres] = await Promise.all([startPostgres(), makeImage()]);
    await layOut();
    await boot();
  });

  afterAll(async () => {
    if (container !== undefined) await docker('rm', '--force', container);
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('run the backend and every worker as their own user', async () => {
    await until(async () => (await instance.activeWorkers()).size === coreWorkerNames.length);
    for (const unit of units) {
      expect(await property(unit, 'ActiveState')).toBe('active');
      const owner = await inside('ps', '-o', 'user:20=', '-p', await property(unit, 'MainPID'));
      expect(owner).toBe('longshore');
    }
  });

  it('stop all together in order: every worker has ended its session, and none had to be killed', async () => {
    await inside('systemctl', 'stop', ...workerUnits);
    expect([...(await instance.activeWorkers()).keys()]).toEqual([]);
    // It hands the word on and does not wait for those who get it.
    await inside('systemctl', 'stop', 'longshore.target');
    for (const unit of units) {
      await until(async () => (await property(unit, 'ActiveState')) === 'inactive');
      expect(await property(unit, 'Result')).toBe('success');
    }
  });

  it('start again what was killed', async () => {
    await inside('systemctl', 'start', ...units);
    await until(async () => (await instance.activeWorkers()).has('callback'));
    const before = (await instance.activeWorkers()).get('callback')!;
    await inside('systemctl', 'kill', '--kill-whom=main', '--signal=KILL', 'longshore-callback@1.service');
    await until(async () => ![undefined, before].includes((await instance.activeWorkers()).get('callback')));
    expect(await property('longshore-callback@1.service', 'NRestarts')).toBe('1');
  });
});
