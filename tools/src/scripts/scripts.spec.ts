import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { coreWorkerNames } from '@longshore/contracts';
import { root } from '../run-steps.ts';
import { standIns } from './stand-in.fixture.ts';

const { run, standIn, asked, remove } = standIns();
const scripts = readdirSync(join(root, 'tools')).filter((name) => name.endsWith('.sh'));
const WORKERS = coreWorkerNames.join(' ');

beforeEach(() => {
  standIn('docker');
  standIn('kubectl', [
    { to: '*"get hpa general "*', by: "printf '2 10'" },
    { to: '*"get hpa "*', by: ':' },
  ]);
  asked();
});
afterAll(remove);

describe.each(scripts)('tools/%s', (script) => {
  it('shows how it is used, with examples that name it, and touches nothing', async () => {
    for (const flag of ['--help', '-h']) {
      const { code, out } = await run(script, [flag]);
      expect([code, out]).toEqual([0, expect.stringMatching(/^Usage: .*\nExamples:\n.*/s)]);
      expect(out.split('Examples:')[1]).toContain(`tools/${script}`);
    }
    expect(asked()).toEqual([]);
  });

  it('is told in docs/scripts.md', () => {
    expect(readFileSync(join(root, 'docs/scripts.md'), 'utf8')).toContain(`tools/${script}`);
  });
});

const isThere = (program: string) => {
  try {
    return execFileSync(program, ['--version'], { stdio: 'ignore' }) === null;
  } catch {
    return false;
  }
};
(isThere('shellcheck') ? it : it.skip)('shellcheck finds nothing (needs shellcheck)', () => {
  execFileSync(
    'shellcheck',
    scripts.map((script) => join(root, 'tools', script)),
  );
});

describe('a wrong environment', () => {
  it.each(['scale-workers.sh', 'monitor-workers.sh'])(
    'prints the usage of %s and exits with 1',
    async (script) => {
      for (const environment of ['production', '', 'DEV', '--context']) {
        const { code, out, err } = await run(script, [environment]);
        expect([environment, code, out]).toEqual([environment, 1, '']);
        expect(err).toContain(`Usage: tools/${script}`);
      }
      expect(asked()).toEqual([]);
    },
  );
});

describe('tools/scale-workers.sh', () => {
  const compose = 'docker compose -f docker/compose.yaml -f docker/compose.dev.yaml';

  it('scales the containers of development, three of each worker unless told otherwise', async () => {
    for (const [args, n] of [
      [[], 3],
      [['dev'], 3],
      [['dev', '5'], 5],
    ] as const) {
      expect((await run('scale-workers.sh', args)).code).toBe(0);
      const scales = coreWorkerNames.map((worker) => `--scale ${worker}=${n}`).join(' ');
      expect(asked()).toEqual([
        `${compose} up -d --no-recreate ${scales} ${WORKERS}`,
        `${compose} ps ${WORKERS}`,
      ]);
    }
  });

  it('scales one worker and leaves the others as they are', async () => {
    await run('scale-workers.sh', ['-w', 'callback', 'dev', '2']);
    expect(asked()[0]).toBe(`${compose} up -d --no-recreate --scale callback=2 callback`);
  });

  it.each([['prod'], ['stage']])('scales the deployments of %s', async (environment) => {
    const { code } = await run('scale-workers.sh', ['-c', 'there', environment, '8']);
    const kubectl = `kubectl --context there --namespace longshore-${environment}`;
    expect(code).toBe(0);
    expect(asked().slice(-2)).toEqual([
      `${kubectl} scale deployment ${WORKERS} --replicas=8`,
      `${kubectl} get deployment ${WORKERS}`,
    ]);
  });

  it('refuses what the autoscaler would take back at once, before anything is scaled', async () => {
    for (const n of ['1', '11']) {
      const { code, err } = await run('scale-workers.sh', ['prod', n]);
      expect([code, err]).toEqual([1, expect.stringContaining('keeps general between 2 and 10')]);
    }
    expect(asked().filter((line) => line.includes(' scale '))).toEqual([]);
  });

  it.each([['-1'], ['x'], ['101'], ['1000'], ['2.5'], ['3;id']])('refuses the number %s', async (n) => {
    expect(await run('scale-workers.sh', ['dev', n])).toMatchObject({ code: 1, out: '' });
    expect(asked()).toEqual([]);
  });

  it('exits as docker and kubectl do when they fail', async () => {
    standIn('docker', [{ to: '*', by: 'exit 17' }]);
    standIn('kubectl', [{ to: '*', by: 'exit 1' }]);
    expect((await run('scale-workers.sh', ['dev'])).code).toBe(17);
    expect((await run('scale-workers.sh', ['prod'])).code).toBe(1);
  });
});

describe('tools/run-worker.sh', () => {
  it('names the long option that it does not know', async () => {
    const { code, err } = await run('run-worker.sh', ['--foo', 'general']);
    expect([code, err]).toEqual([2, expect.stringMatching(/^run-worker: --foo is no option/)]);
  });
});

describe('tools/start-multi-worker.sh', () => {
  it('makes nothing where no Docker engine answers', async () => {
    standIn('docker', [{ to: 'docker info*', by: 'exit 1' }]);
    const { code, err } = await run('start-multi-worker.sh', ['devops=devops'], { SECRETS_DIR: '/nowhere' });
    expect([code, err]).toEqual([1, expect.stringContaining('no Docker engine answers')]);
    expect(asked()).toEqual(['docker info']);
  });

  it.each([
    ['devops'],
    ['DevOps=devops'],
    ['devops='],
    ['a=b c'],
    ['a=x,'],
    ["a=b:'; id"],
    ['all=general,high_priority,default,low_priority'],
  ])('refuses %j', async (worker) => {
    const { code, err } = await run('start-multi-worker.sh', [worker]);
    expect([code, err]).toEqual([2, expect.stringMatching(/^start-multi-worker: .*see --help/)]);
    expect(asked()).toEqual([]);
  });
});
