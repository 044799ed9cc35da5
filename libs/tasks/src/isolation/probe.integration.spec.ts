import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@longshore/runtime';
import { loadTaskFiles } from '../definition/load-task-files.ts';
import { createProbe } from './probe.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const good = (name: string) =>
  `export default ({ defineTask, z }) => defineTask({ name: '${name}', description: '', input: z.object({}), handler: () => 1 });`;

async function load(files: Record<string, string>) {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-probe-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const { probe, close } = createProbe({ withinMs: 5_000, atOnce: 3 });
  cleanups.push(close);
  const { tasks, skipped } = await loadTaskFiles([folder], {
    ...{ logger: silentLogger(), probe, share: () => undefined },
  });
  return {
    names: tasks.map(({ descriptor }) => descriptor.name),
    skipped: Object.fromEntries(skipped.map(({ file, reason }) => [file.slice(folder.length + 1), reason])),
  };
}

describe('task files', () => {
  it('that never end loading, or take their process down, are skipped by name; the others load', async () => {
    const { names, skipped } = await load({
      'a-good.mjs': good('first'),
      'b-loops.mjs': 'for (;;);',
      'c-waits.mjs': 'await new Promise(() => undefined);',
      'd-makes-no-end.mjs': 'export default () => new Promise(() => undefined);',
      'e-exits.mjs': 'process.exit(0);',
      'f-crashes.mjs': 'process.abort();',
      'g-good.mjs': good('last'),
      'h-syntax.mjs': 'export default (',
      'h-typescript.ts': 'const name: string = "a";\nexport const a = { { };',
      'i-shape.mjs': 'export default { name: "almost" };',
      'j-schema.mjs':
        'export default ({ defineTask, z }) => defineTask({ name: "j", description: "", input: z.object({ get a() { throw new Error("schema broke"); } }), handler: () => 1 });',
      'k-throws.mjs': 'throw "text alone";',
    });
    expect(names).toEqual(['first', 'last']);
    const late = 'It did not load within 5 s';
    expect(skipped).toEqual({
      ...{ 'b-loops.mjs': late, 'c-waits.mjs': late, 'd-makes-no-end.mjs': late },
      'e-exits.mjs': 'Loading it ends the process: Its process ended with code 0',
      'f-crashes.mjs': 'Loading it ends the process: Its process was ended by SIGABRT',
      'h-syntax.mjs': expect.stringContaining('Unexpected'),
      'h-typescript.ts': expect.stringMatching(/^Unexpected token .* \(line 2\)$/),
      'i-shape.mjs': expect.stringContaining('does not export a task'),
      'j-schema.mjs': expect.stringMatching(/schema broke \(line 1\)$/),
      'k-throws.mjs': 'text alone',
    });
  });
});
