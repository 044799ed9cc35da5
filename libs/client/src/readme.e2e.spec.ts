import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from '@jest/globals';
import { startPlatform } from '@longshore/testing';
import { createClient } from './index.ts';

const own = resolve(import.meta.dirname, '..');
const cleanups: (() => unknown)[] = [];
afterAll(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A program of somebody else's: the first example of the README, with nothing but this package beside it. */
async function exampleProgram(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-client-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  const [, example] = /```ts\n([^]*?)```/.exec(await readFile(join(own, 'README.md'), 'utf8'))!;
  await mkdir(join(folder, 'node_modules/@longshore'), { recursive: true });
  await symlink(own, join(folder, 'node_modules/@longshore/client'));
  await writeFile(join(folder, 'example.mts'), example!);
  return join(folder, 'example.mts');
}

it('the example of the README does what it says', async () => {
  const program = await exampleProgram();
  const platform = await startPlatform();
  cleanups.unshift(() => platform.stop());
  const total = { type: 'number' as const, label: 'Total due' };
  await createClient({ url: platform.url, key: platform.adminKey }).call('apply', {
    body: {
      documents: [
        { kind: 'workflow', name: 'invoices', steps: [{ read: {} }, { extract: { fields: { total } } }] },
        { kind: 'deployment', api_name: 'invoices', workflow: 'invoices' },
      ],
    },
  });
  const run = promisify(execFile)(process.execPath, [program], {
    env: { LONGSHORE_URL: platform.url, LONGSHORE_API_KEY: platform.apiKey },
    timeout: 120_000,
  });
  const { stdout } = await run;
  const [result, listed, refused] = stdout.trim().split('\n');
  expect(result).toBe('march.txt Success { total: 12.5 }');
  expect(listed).toMatch(/^[0-9a-f-]{36} 20\d\d-\d\d-\d\dT/);
  expect(refused).toBe('404 There is no workflow "unknown"');
}, 180_000);
