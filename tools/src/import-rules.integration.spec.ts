import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { projectGraphStep, root, runStep } from './run-steps.ts';

beforeAll(async () => {
  expect(await runStep({ ...projectGraphStep, quiet: true })).toBe(0);
});

/** Lints source as if it stood in that file; answers what the linter says. */
function lint(file: string, source: string): { code: number | null; output: string } {
  const eslint = resolve(root, 'node_modules/eslint/bin/eslint.js');
  const env = { ...process.env, NX_DAEMON: 'false' };
  const done = spawnSync(process.execPath, [eslint, '--stdin', '--stdin-filename', file], {
    cwd: root,
    input: source,
    encoding: 'utf8',
    env,
  });
  return { code: done.status, output: done.stdout + done.stderr };
}

const use = (name: string) => `import * as planted from '${name}';\nexport const used = planted;\n`;

describe('the import rules refuse', () => {
  it.each([
    ['a worker that reaches for the broker itself', 'apps/general/src/planted.ts', 'bullmq'],
    ['a worker that reaches for the database itself', 'apps/general/src/planted.ts', 'pg'],
    ['a worker that imports the API client', 'apps/callback/src/planted.ts', '@longshore/api-client'],
    [
      'the contracts when they import anything of ours',
      'libs/shared/contracts/src/planted.ts',
      '@longshore/runtime',
    ],
    ['documents that talk HTTP', 'libs/documents/src/planted.ts', 'axios'],
    ['the backend when it imports what workers run', 'apps/backend/src/planted.ts', '@longshore/tasks'],
    ['production code that imports what only proves it', 'apps/backend/src/planted.ts', '@longshore/testing'],
  ])('%s', (_what, file, name) => {
    const { code, output } = lint(file, use(name));
    expect(output).toContain('@nx/enforce-module-boundaries');
    expect(code).toBe(1);
  });

  it('a relative path into another project', () => {
    const { code, output } = lint('apps/general/src/planted.ts', use('../../callback/src/main.ts'));
    expect(output).toContain('@nx/enforce-module-boundaries');
    expect(code).toBe(1);
  });

  it('nothing that is allowed', () => {
    expect(lint('apps/general/src/planted.ts', use('@longshore/contracts'))).toMatchObject({ code: 0 });
  });
});
