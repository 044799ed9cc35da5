import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPlatform, type TestPlatform } from '@longshore/testing';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../../..');
const LIMIT_MS = 120_000;

let folder: string;
let project: string;
let platform: TestPlatform;

/** A project of somebody else's, into which the packed client was installed without any registry. */
async function installInto(into: string): Promise<void> {
  const built = join(folder, 'built');
  await run(process.execPath, [join(root, 'tools/src/build-client.ts'), built]);
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: built });
  await mkdir(into);
  await writeFile(join(into, 'package.json'), '{"name":"somebody","private":true,"type":"module"}');
  const offline = ['--offline', '--no-audit', '--no-fund', '--silent', '--cache', join(folder, 'cache')];
  await run('npm', ['install', ...offline, join(folder, stdout.trim())], { cwd: into });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longshore-package-'));
  project = join(folder, 'project');
  await installInto(project);
  platform = await startPlatform();
}, LIMIT_MS);
afterAll(async () => {
  await platform?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('the packed client', () => {
  it('brings no other package', async () => {
    expect(await readdir(join(project, 'node_modules'))).toEqual(['.package-lock.json', '@longshore']);
    const installed = join(project, 'node_modules/@longshore/client');
    const { dependencies, exports } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
    expect(dependencies).toBeUndefined();
    expect(exports['.']).toEqual({ types: './types/index.d.ts', default: './index.js' });
    expect((await readdir(installed)).toSorted()).toEqual([
      'LICENSE',
      'README.md',
      'index.js',
      'package.json',
      'types',
    ]);
  });

  it(
    'calls a backend from plain JavaScript',
    async () => {
      await writeFile(
        join(project, 'main.js'),
        `import { createClient, LongshoreError } from '@longshore/client';
       const client = createClient({ url: process.env.URL_OF_IT, key: process.env.ADMIN });
       await client.call('apply', { body: { documents: [
         { kind: 'workflow', name: 'letters', steps: [{ read: {} }] },
         { kind: 'deployment', api_name: 'letters', workflow: 'letters' },
       ] } });
       const own = createClient({ url: process.env.URL_OF_IT, key: process.env.OWN });
       const files = [{ name: 'a.txt', content: 'Dear all' }];
       const id = await own.submit({ organisation: 'default', apiName: 'letters', files });
       const { status, result } = await own.waitForResult(id);
       console.log(status, result[0].file);
       const refused = await own.call('getWorkflow', { params: { name: 'none' } }).catch((error) => error);
       console.log(refused instanceof LongshoreError, refused.status);`,
      );
      const env = { URL_OF_IT: platform.url, ADMIN: platform.adminKey, OWN: platform.apiKey };
      const { stdout } = await run(process.execPath, ['main.js'], { cwd: project, env });
      expect(stdout).toBe('COMPLETED a.txt\ntrue 404\n');
    },
    LIMIT_MS,
  );

  it(
    'is typed as strictly as in its own house, its declarations included',
    async () => {
      await writeFile(
        join(project, 'main.ts'),
        `import { createClient, type Answer } from '@longshore/client';
       const client = createClient({ url: 'http://x', key: 'k' });
       const page: Answer<'listExecutions'> = await client.call('listExecutions', { query: { status: 'ERROR', limit: 5 } });
       export const ids: string[] = page.executions.map((one) => one.execution_id);
       for await (const key of client.items('listKeys')) key.hint.trim();
       // @ts-expect-error there is no such status
       await client.call('listExecutions', { query: { status: 'LOST' } });
       // @ts-expect-error the id is missing
       await client.call('execution');
       // @ts-expect-error a list of nothing that has pages
       client.items('workers');`,
      );
      const compilerOptions = {
        ...{ strict: true, exactOptionalPropertyTypes: true, noEmit: true },
        ...{ module: 'nodenext', target: 'es2024', lib: ['es2024', 'dom'], types: [] },
      };
      const config = { compilerOptions, files: ['main.ts'] };
      await writeFile(join(project, 'tsconfig.json'), JSON.stringify(config));
      const said = await run(process.execPath, [
        join(root, 'node_modules/typescript/bin/tsc'),
        '-p',
        project,
      ]).catch((error: { stdout: string }) => error);
      expect(said.stdout).toBe('');
    },
    LIMIT_MS,
  );
});
