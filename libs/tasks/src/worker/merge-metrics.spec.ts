import { describe, expect, it } from '@jest/globals';
import { createMetrics } from '@longshore/runtime';
import { mergeMetrics } from './merge-metrics.ts';

async function textOf(process: string, runs: number): Promise<string> {
  const metrics = createMetrics({ worker: 'general', process });
  metrics.counter({ name: 'runs_total', help: 'Runs.', labelNames: ['task'] }).inc({ task: 'a # b' }, runs);
  metrics.histogram({ name: 'seconds', help: 'How long.', buckets: [1] }).observe(0.5);
  return metrics.text();
}

describe('the metrics of several processes', () => {
  it('are one text in which each metric stands once, with the measurements of all', async () => {
    const text = mergeMetrics([await textOf('w-1', 2), await textOf('w-2', 3)]);
    const lines = text.split('\n');
    expect(lines.filter((line) => line === '# TYPE runs_total counter')).toHaveLength(1);
    const place = lines.indexOf('# TYPE runs_total counter');
    expect(lines.slice(place + 1, place + 3)).toEqual([
      'runs_total{task="a # b",worker="general",process="w-1"} 2',
      'runs_total{task="a # b",worker="general",process="w-2"} 3',
    ]);
    expect(lines.filter((line) => line.startsWith('seconds_bucket'))).toHaveLength(4);
    const heads = lines.filter((line) => line.startsWith('# TYPE'));
    expect(new Set(heads).size).toBe(heads.length);
    expect(text.endsWith('\n')).toBe(true);
  });

  it('are those of the others when one does not answer', async () => {
    const one = await textOf('w-1', 2);
    expect(mergeMetrics([one, '']).split('\n').filter(Boolean)).toEqual(one.split('\n').filter(Boolean));
  });
});
