import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { coreWorkers } from './queues.ts';

it('docs/workers.md names the workers with their queues, in their order, their slots and their ports', () => {
  const page = readFileSync(new URL('../../../../docs/workers.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z0-9-]+)` +\| ([^|]+)\| (\d+) (?:to (\d+) +)?\| (\d+) +\|/gm)];
  const told = rows.map(([, worker, queues, min, max, port]) => [
    worker!,
    {
      queues: [...queues!.matchAll(/`([\w.-]+)`/g)].map(([, queue]) => queue),
      healthPort: Number(port),
      slots: { min: Number(min), max: Number(max ?? min) },
    },
  ]);
  expect(Object.fromEntries(told)).toEqual(coreWorkers);
});

it('docker/workers.txt, which the scripts and the image read, has the same workers and ports', () => {
  const list = readFileSync(new URL('../../../../docker/workers.txt', import.meta.url), 'utf8');
  const expected = Object.entries(coreWorkers).map(([name, { healthPort }]) => `${name} ${healthPort}\n`);
  expect(list).toBe(expected.join(''));
});
