import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { createMetrics } from '@longshore/runtime';
import { createRunnerMetrics } from './runner-metrics.ts';

it('docs/monitoring.md names what a worker measures, with its type and meaning', async () => {
  const metrics = createMetrics();
  createRunnerMetrics(metrics, () => 0);
  const text = await metrics.text();
  const measured = [...text.matchAll(/^# HELP (longshore_(?!process_)\w+) (.*)\n# TYPE \w+ (\w+)$/gm)];
  const page = readFileSync(new URL('../../../../docs/monitoring.md', import.meta.url), 'utf8');
  const told = [...page.matchAll(/^\| `(longshore_\w+)` +\| worker +\| (\w+) +\|[^|]*\| ([^|]*?) *\|$/gm)];
  expect(measured.length).toBeGreaterThan(3);
  expect(told.map(([, name, type, help]) => [name, help, type]).sort()).toEqual(
    measured.map(([, name, help, type]) => [name, help, type]).sort(),
  );
});
