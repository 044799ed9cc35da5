import { expect, it } from '@jest/globals';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const pathOf = (fixture: string) => fileURLToPath(new URL(`./${fixture}.fixture.ts`, import.meta.url));

it('a reading pool works under node --watch, whose threads send messages of their own', async () => {
  const child = spawn(process.execPath, ['--watch', pathOf('watched-pool')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  const seen: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    seen.push(line);
    // Watching prints this line when the script is over, well or not.
    if (/^(?:Completed|Failed) running/u.test(line)) child.kill();
  }
  await exited;
  expect(seen).toContain('read txt');
});

it('the heap of a reading thread stays small however much passes through it', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [pathOf('kept-heap')]);
  // Some 65; where the engine gives its youngest objects as much as it likes, 160.
  expect(Number(stdout)).toBeLessThan(110);
});
