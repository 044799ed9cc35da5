import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { copyWorkspace } from './workspace-copy.fixture.ts';

const NAME = 'stamp-reader';
const NX = 'nx/dist/bin/nx.js';
const LONG = 240_000;

let copy: ReturnType<typeof copyWorkspace>;
let made: { code: number | null; out: string };

const generate = (...args: string[]) => copy.run(NX, 'g', '@longshore/tools:worker', ...args);
const text = (path: string): string => readFileSync(join(copy.folder, path), 'utf8');

beforeAll(async () => {
  copy = copyWorkspace();
  made = await generate(NAME, '--does', 'reads stamps');
}, LONG);
afterAll(() => copy.remove());

/** Starts the bundle without broker or backend, and answers what it says of its health server. */
async function healthOfBundle(): Promise<{ port: number; status: number }> {
  const env = {
    BROKER_URL: 'redis://127.0.0.1:1',
    INTERNAL_API_BASE_URL: 'http://127.0.0.1:1/internal',
    INTERNAL_SERVICE_API_KEY: 'lsk_svc_of-nobody',
  };
  const cwd = join(copy.folder, 'dist/apps', NAME);
  const child = spawn(process.execPath, ['main.js', '-p', '0'], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = new Promise((done) => child.once('close', done));
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const { message, port } = JSON.parse(line) as { message: string; port: number };
      if (message !== 'health server listens') continue;
      return { port, status: (await fetch(`http://127.0.0.1:${port}/live`)).status };
    }
    throw new Error('The worker ended before it listened');
  } finally {
    child.kill('SIGKILL');
    await gone;
  }
}

describe('nx g @longshore/tools:worker', () => {
  it('makes a worker, and says what comes next', () => {
    expect(made).toMatchObject({ code: 0, out: expect.stringContaining(`npx nx serve ${NAME}`) });
  });

  it('makes one that passes lint, types and tests, is bundled and starts', async () => {
    const some = {
      extends: './tsconfig.json',
      include: [`apps/${NAME}`, 'libs/shared/runtime/src/config', 'apps/cli/src/platform/worker-program.ts'],
    };
    writeFileSync(join(copy.folder, 'tsconfig.some.json'), JSON.stringify(some));
    const specs = [
      `apps/${NAME}/`,
      'contracts/src/queues.spec',
      'tools/src/deploy/systemd.spec',
      'kubernetes/manifests.spec',
    ];
    const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
    const [format, lint, types, tests, built] = await Promise.all([
      copy.run('prettier/bin/prettier.cjs', '--check', `apps/${NAME}`, 'docker', 'deploy', 'docs/workers.md'),
      copy.run('eslint/bin/eslint.js', `apps/${NAME}`, '--max-warnings', '0'),
      copy.run('typescript/bin/tsc', '-p', 'tsconfig.some.json'),
      copy.node(...jest, join(copy.folder, 'node_modules/jest/bin/jest.js'), '--runInBand', ...specs),
      copy.node('tools/src/build.ts', NAME),
    ]);
    expect(format).toMatchObject({ code: 0 });
    expect(lint).toEqual({ code: 0, out: '' });
    expect(types).toEqual({ code: 0, out: '' });
    expect(tests).toMatchObject({ code: 0, out: expect.stringContaining(`PASS apps/${NAME}/src`) });
    expect(built).toMatchObject({ code: 0 });
    expect(await healthOfBundle()).toMatchObject({ status: 200 });
  }, 240_000);

  it('makes all that runs it', () => {
    for (const file of ['compose.yaml', 'compose.dev.yaml', 'compose.prod.yaml', 'compose.single.yaml']) {
      const { services } = parse(text(`docker/${file}`), { merge: true }) as { services: object };
      expect(Object.keys(services)).toContain(NAME);
    }
    const compose = parse(text('docker/compose.yaml'), { merge: true });
    expect(compose).toMatchObject({
      services: {
        [NAME]: { image: expect.stringMatching(/^longshore-stamp-reader:/), restart: 'unless-stopped' },
      },
      secrets: { [`service_key_${NAME}`]: { file: expect.stringMatching(/service_key_stamp-reader$/) } },
    });
    const ports = new Map(
      text('docker/workers.txt')
        .trim()
        .split('\n')
        .map((line) => line.split(' ') as [string, string]),
    );
    const port = ports.get(NAME)!;
    expect([...ports.values()].filter((other) => other === port)).toEqual([
      expect.stringMatching(/^8\d{3}$/),
    ]);
    expect(text(`docker/${NAME}.Dockerfile`)).toContain(`STAMP_READER_HEALTH_PORT=${port}`);
    expect(text(`deploy/systemd/longshore-${NAME}@.service`)).toContain(`/opt/longshore/${NAME}/main.js`);
    expect(text('deploy/supervisor/longshore.conf')).toMatch(/^programs=.*,longshore-stamp-reader$/m);
    expect(text('deploy/prometheus/prometheus.yaml')).toContain(`'127.0.0.1:${port}'`);
    expect(text(`deploy/kubernetes/base/${NAME}.yaml`)).toContain(`containerPort: ${port}`);
    expect(text('docs/configuration.md')).toContain('`STAMP_READER_AUTOSCALE`');
    expect(text('docs/cli.md')).toContain(`"${NAME}"`);
    expect(text('docs/workers.md')).toMatch(
      new RegExp(`^\\| \`stamp-reader\` +\\| \`stamp_reader\` .* ${port} .* reads stamps +\\|$`, 'm'),
    );
  });

  it(
    'refuses a second one of the name, and what is wrong at once with all reasons, and shows without writing',
    async () => {
      const [again, wrong, shown, help] = await Promise.all([
        generate(NAME),
        generate('Weigher', '--queue', 'default', '--port', '80'),
        generate('weigher', '--dry-run'),
        generate('--help'),
      ]);
      expect(again).toMatchObject({
        code: 1,
        out: expect.stringContaining(`There is a worker ${NAME} already`),
      });
      expect(wrong).toMatchObject({
        code: 1,
        out: expect.stringMatching(/"Weigher".*default is served.*80 is no port/s),
      });
      expect(shown).toMatchObject({
        code: 0,
        out: expect.stringContaining('CREATE apps/weigher/src/main.ts'),
      });
      expect(help).toMatchObject({ code: 0, out: expect.stringContaining('--queue') });
      expect(existsSync(join(copy.folder, 'apps/weigher'))).toBe(false);
      expect(text('docker/workers.txt')).not.toContain('eigher');
    },
    LONG,
  );
});
