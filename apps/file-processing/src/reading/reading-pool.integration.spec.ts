import { expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('./watched-pool.fixture.ts', import.meta.url));

it('a reading pool works under node --watch, whose threads send messages of their own', async () => {
  const child = spawn(process.execPath, ['--watch', script], { stdio: ['ignore', 'pipe', 'pipe'] });
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
