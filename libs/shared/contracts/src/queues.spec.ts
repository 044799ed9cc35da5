import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { coreWorkers } from './queues.ts';

it('docs/workers.md names the workers with their queues, in their order', () => {
  const page = readFileSync(new URL('../../../../docs/workers.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z-]+)` +\| ([^|]+)\|/gm)];
  const told = rows.map(([, worker, queues]) => [
    worker!,
    { queues: [...queues!.matchAll(/`(\w+)`/g)].map(([, queue]) => queue) },
  ]);
  expect(Object.fromEntries(told)).toEqual(coreWorkers);
});
