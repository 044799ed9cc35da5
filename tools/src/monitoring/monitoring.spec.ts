import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createMetrics } from '@longshore/runtime';
import { parse } from 'yaml';
import { workerManifests } from '../kubernetes/workers.ts';
import { root } from '../run-steps.ts';
import { dashboard } from './dashboard.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const page = read('docs/monitoring.md');
const ofEveryProcess = await createMetrics().text();

interface Documented {
  readonly name: string;
  readonly of: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

/** The table of metrics. Specs of the backend and of the workers compare their rows of it with what they measure. */
const documented = [
  ...page.matchAll(/^\| `(longshore_\w+)` +\| (\w+) +\| (\w+) +\|([^|]*)\| ([^|]*?) *\|$/gm),
].map(([, name, of, type, labels, help]): Documented => {
  return { name: name!, of: of!, type: type!, help: help!, labels: labels!.match(/\w+/g) ?? [] };
});

/** Labels that Prometheus and our registries put on every line. */
const EVERYWHERE = ['instance', 'job', 'namespace', 'worker'];

/** What may stand in an expression, with its labels. */
const known = new Map<string, readonly string[]>([
  ['up', EVERYWHERE],
  ...[...ofEveryProcess.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => [name!, EVERYWHERE] as const),
  ...documented.flatMap(({ name, type, labels }) =>
    (type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']).map(
      (suffix) => [name + suffix, [...labels, ...EVERYWHERE, 'le']] as const,
    ),
  ),
]);

const metricsIn = (expr: string) => expr.match(/\b(up|(longshore|process|nodejs)_\w+)\b/g) ?? [];

/** What an expression names that nobody measures. */
function unknownIn(expr: string): string[] {
  const selectors = [...expr.matchAll(/(\w+)\{([^}]*)\}/g)];
  return [
    ...metricsIn(expr).filter((name) => !known.has(name)),
    ...selectors.flatMap(([, name, inside]) =>
      [...inside!.matchAll(/(\w+)\s*(=~|!=|!~|=)/g)]
        .filter(([, label]) => !known.get(name!)?.includes(label!))
        .map(([, label]) => `${name}{${label}}`),
    ),
  ];
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
}
const { groups } = parse(read('deploy/prometheus/alerts.yaml')) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const queries = dashboard().panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

it('docs/monitoring.md names what every process measures of itself, with its type and meaning', () => {
  const measured = [...ofEveryProcess.matchAll(/^# HELP (longshore_\w+) (.*)\n# TYPE \w+ (\w+)$/gm)];
  const told = documented.filter(({ of }) => of === 'process');
  expect(measured.length).toBeGreaterThan(0);
  expect(told.map(({ name, help, type }) => [name, help, type]).toSorted()).toEqual(
    measured.map(([, name, help, type]) => [name, help, type]).toSorted(),
  );
});

describe('deploy/prometheus/alerts.yaml', () => {
  it.each(rules)('$alert asks for what is measured', ({ expr }) => {
    expect(metricsIn(expr).length).toBeGreaterThan(0);
    expect(unknownIn(expr)).toEqual([]);
  });

  it('is told in docs/monitoring.md, alert by alert', () => {
    const told = [...page.matchAll(/^\| `(Longshore\w+)`/gm)].map(([, name]) => name);
    expect(told).toEqual(rules.map(({ alert }) => alert));
  });

  it.each([
    ['LongshoreBacklog', '> 10'],
    ['LongshoreOldestWait', '> 30'],
    ['LongshoreCpu', '> 0.8'],
    ['LongshoreMemory', '> 0.8'],
  ])('%s begins where the guides say', (name, threshold) => {
    expect(rules.find(({ alert }) => alert === name)?.expr.endsWith(threshold)).toBe(true);
  });

  const promtool = (() => {
    try {
      execFileSync('promtool', ['--version'], { stdio: 'ignore' });
      return it;
    } catch {
      return it.skip;
    }
  })();
  promtool('raises what its tests expect (needs promtool)', () => {
    execFileSync('promtool', ['test', 'rules', join(root, 'deploy/prometheus/alerts.test.yaml')]);
    execFileSync('promtool', ['check', 'rules', join(root, 'deploy/prometheus/alerts.yaml')]);
  });
});

describe('the scrape configurations', () => {
  interface Scraping {
    readonly scrape_configs: {
      job_name: string;
      static_configs?: { targets: string[] }[];
      relabel_configs?: { source_labels?: string[]; action?: string; regex?: string }[];
    }[];
  }
  const jobIn = (file: string) =>
    (parse(read(`deploy/prometheus/${file}`)) as Scraping).scrape_configs.find(
      ({ job_name }) => job_name === 'longshore-workers',
    )!;
  const pods = [...workerManifests().values()].map(([deployment]) => {
    const { metadata } = (
      deployment!.toJSON() as {
        spec: { template: { metadata: Record<'labels' | 'annotations', Record<string, string>> } };
      }
    ).spec.template;
    return metadata;
  });

  it('on servers ask every worker on the port that is its default', () => {
    const ports = pods.map(({ annotations }) => `127.0.0.1:${annotations['prometheus.io/port']}`);
    expect(jobIn('prometheus.yaml').static_configs![0]!.targets).toEqual(ports);
  });

  it('in a cluster keep the pods of every worker', () => {
    const sourceOf = (kind: string, name: string) =>
      `__meta_kubernetes_pod_${kind}_${name.replaceAll(/[^a-zA-Z0-9]/g, '_')}`;
    const kept = jobIn('prometheus.kubernetes.yaml').relabel_configs!.filter(
      ({ action }) => action === 'keep',
    );
    expect(kept.length).toBe(2);
    for (const { labels, annotations } of pods) {
      const meta = new Map([
        ...Object.entries(labels).map(([name, value]) => [sourceOf('label', name), value] as const),
        ...Object.entries(annotations).map(([name, value]) => [sourceOf('annotation', name), value] as const),
      ]);
      for (const { source_labels, regex } of kept) expect(meta.get(source_labels![0]!)).toBe(regex);
    }
  });
});

describe('deploy/grafana/longshore.json', () => {
  it('holds what its source says', () => {
    expect(JSON.parse(read('deploy/grafana/longshore.json'))).toEqual(dashboard());
  });

  it.each(queries)('asks for what is measured: %s', (expr) => {
    expect(metricsIn(expr).length).toBeGreaterThan(0);
    expect(unknownIn(expr.replaceAll('$namespace', 'x'))).toEqual([]);
  });

  it('lets no two panels lie on each other', () => {
    const places = dashboard().panels.map(({ gridPos: { x, y } }) => `${x} ${y}`);
    expect(new Set(places).size).toBe(places.length);
  });

  it('shows depth, age, throughput, waits, run times, failures, workers, main loops and memory', () => {
    const shown = new Set(queries.flatMap(metricsIn));
    for (const name of [
      'longshore_queue_runs',
      'longshore_queue_oldest_age_seconds',
      'longshore_worker_runs_total',
      'longshore_run_wait_seconds_bucket',
      'longshore_worker_run_duration_seconds_bucket',
      'longshore_worker_processes',
      'longshore_worker_loop_age_seconds',
      'process_resident_memory_bytes',
    ])
      expect(shown).toContain(name);
  });
});

it('a metric or a label that nobody measures would be found', () => {
  expect(unknownIn('longshore_nothing > 1')).toEqual(['longshore_nothing']);
  expect(unknownIn('longshore_queue_runs{colour="red", queue="a"} > 1')).toEqual([
    'longshore_queue_runs{colour}',
  ]);
});
