import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { root } from './run-steps.ts';

const apps = ['backend', 'api-deployment', 'general', 'file-processing', 'callback'];
const workers = apps.slice(1);
let elsewhere: string;

beforeAll(async () => {
  elsewhere = await mkdtemp(join(tmpdir(), 'longshore-bundles-'));
  for (const app of apps) {
    const built = spawnSync(process.execPath, ['tools/src/build.ts', app], { cwd: root, encoding: 'utf8' });
    expect([app, built.status, built.stderr]).toEqual([app, 0, '']);
    await cp(join(root, 'dist/apps', app), join(elsewhere, app), { recursive: true });
  }
}, 120_000);
afterAll(() => rm(elsewhere, { recursive: true, force: true }));

/** Runs a bundle in a folder that holds nothing else, without any setting. */
function run(app: string, args: string[] = []) {
  const folder = join(elsewhere, app);
  return spawnSync(process.execPath, ['main.js', ...args], { cwd: folder, env: {}, encoding: 'utf8' });
}

describe('the bundle of', () => {
  it.each(workers)('%s tells how it is used', (app) => {
    const { status, stdout } = run(app, ['--help']);
    expect(status).toBe(0);
    expect(stdout).toContain('Examples');
  });

  it.each(apps)('%s refuses to start without settings and names each that is missing', (app) => {
    const { status, stderr } = run(app);
    expect(status).toBe(1);
    expect(stderr).toContain('BROKER_URL');
    expect(stderr).toContain(app === 'backend' ? 'DATABASE_URL' : 'INTERNAL_SERVICE_API_KEY');
  });

  it.each(apps)('%s needs nothing installed beside it', async (app) => {
    const manifest = JSON.parse(await readFile(join(elsewhere, app, 'package.json'), 'utf8')) as {
      dependencies: object;
    };
    expect(manifest.dependencies).toEqual({});
    expect(await readdir(join(elsewhere, app))).toContain('LICENSE');
  });

  it.each(workers)('%s brings its threads along', async (app) => {
    expect(await readdir(join(elsewhere, app))).toContain('heartbeat-thread.js');
  });
});
