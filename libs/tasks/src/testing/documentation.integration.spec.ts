import { afterEach, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const page = readFileSync(new URL('../../../../docs/tasks.md', import.meta.url), 'utf8');
const register = fileURLToPath(new URL('./register.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'longshore-documented-'));

afterEach(() => rmSync(folder, { recursive: true }));

it('docs/tasks.md shows a test of its task that runs as it says, with nothing installed beside it', () => {
  const [task, test] = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, text = '']) => text);
  writeFileSync(join(folder, 'word-count.ts'), task ?? '');
  writeFileSync(join(folder, 'word-count.test.ts'), test ?? '');
  const command = /node (--import \S+register\.ts --test)/.exec(page)?.[1] ?? '';
  const parts = command.split(' ').map((part) => (part.endsWith('register.ts') ? register : part));
  const { NODE_OPTIONS: _options, ...env } = process.env;
  const { status, stdout } = spawnSync(process.execPath, parts, { cwd: folder, env, encoding: 'utf8' });
  expect(stdout).toContain('pass 2');
  expect(status).toBe(0);
}, 60_000);
