import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { coreWorkerNames } from '@longshore/contracts';
import type { IContainer } from 'kubernetes-models/v1';
import { parseAllDocuments } from 'yaml';
import { root } from '../run-steps.ts';
import { kubernetesFiles } from './manifests.ts';

const folder = join(root, 'deploy/kubernetes');
const files = kubernetesFiles();
const page = readFileSync(join(root, 'docs/kubernetes.md'), 'utf8');

interface Document {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Record<string, unknown>;
}

/** The documents of a file, as a cluster reads them. */
function documents(path: string): Document[] {
  return parseAllDocuments(files.get(path)!).map((document) => document.toJS() as Document);
}

const ofKind = (path: string, kind: string): Document =>
  documents(path).find((document) => document.kind === kind)!;

describe('deploy/kubernetes', () => {
  it('holds what its sources say, and nothing else', () => {
    const there = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
    expect(there.toSorted()).toEqual([...files.keys()].toSorted());
    for (const [path, text] of files) expect(readFileSync(join(folder, path), 'utf8')).toBe(text);
  });

  it.each(coreWorkerNames)('runs %s as the guides say', (worker) => {
    expect(ofKind(`base/${worker}.yaml`, 'Deployment').spec).toMatchObject({
      replicas: 3,
      template: {
        spec: {
          terminationGracePeriodSeconds: 40,
          containers: [
            {
              resources: { requests: { cpu: '500m', memory: '512Mi' }, limits: { cpu: '2', memory: '2Gi' } },
              livenessProbe: {
                initialDelaySeconds: 30,
                periodSeconds: 30,
                timeoutSeconds: 10,
                failureThreshold: 3,
              },
              readinessProbe: {
                initialDelaySeconds: 15,
                periodSeconds: 10,
                timeoutSeconds: 5,
                failureThreshold: 3,
              },
              securityContext: { readOnlyRootFilesystem: true },
            },
          ],
        },
      },
    });
    expect(ofKind(`base/${worker}.yaml`, 'HorizontalPodAutoscaler').spec).toMatchObject({
      minReplicas: 2,
      maxReplicas: 10,
      metrics: [
        { resource: { name: 'cpu', target: { averageUtilization: 70 } } },
        { resource: { name: 'memory', target: { averageUtilization: 80 } } },
      ],
      behavior: {
        scaleUp: { stabilizationWindowSeconds: 60, policies: [{ value: 100, periodSeconds: 15 }] },
        scaleDown: { stabilizationWindowSeconds: 300, policies: [{ value: 50, periodSeconds: 60 }] },
      },
    });
  });

  it('lets a backend serve on for a while that is to end, and gives workers, whom nobody calls, no such time', () => {
    const spec = ({ spec: deployment }: Document) =>
      (
        deployment as {
          template: { spec: { terminationGracePeriodSeconds: number; containers: IContainer[] } };
        }
      ).template.spec;
    const backend = spec(ofKind('base/backend.yaml', 'Deployment'));
    expect(backend.terminationGracePeriodSeconds).toBe(45);
    expect(backend.containers[0]!.lifecycle?.preStop?.exec?.command).toEqual([
      ...['node', '-e'],
      'setTimeout(() => {}, 5000)',
    ]);
    for (const worker of coreWorkerNames)
      expect(spec(ofKind(`base/${worker}.yaml`, 'Deployment')).containers[0]!.lifecycle).toBeUndefined();
  });

  it('gives the address of the database to the backend and its migration alone', () => {
    const told = [...files].filter(([, text]) => text.includes('database_url')).map(([path]) => path);
    expect(told.toSorted()).toEqual(['base/backend.yaml', 'base/migrate.yaml']);
  });

  it('names every file in its kustomization', () => {
    for (const [path, text] of files) {
      if (!path.endsWith('kustomization.yaml')) continue;
      const [{ resources = [] }] = parseAllDocuments(text).map(
        (document) => document.toJS() as { resources?: string[] },
      ) as [{ resources?: string[] }];
      for (const resource of resources) {
        const at = join(path, '..', resource);
        expect(files.has(at) || files.has(join(at, 'kustomization.yaml'))).toBe(true);
      }
    }
  });
});

const hasKubectl = ((): boolean => {
  try {
    execFileSync('kubectl', ['version', '--client'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** Needs kubectl, and no cluster. */
(hasKubectl ? describe : describe.skip)('what kubectl makes of an overlay', () => {
  /** The objects of an overlay, with the component for KEDA or without. */
  function rendered(overlay: string, components: readonly string[] = []) {
    return renderedOf(JSON.stringify({ resources: [`kubernetes/overlays/${overlay}`], components }));
  }

  function renderedOf(kustomization: string, files: Readonly<Record<string, string>> = {}) {
    const place = mkdtempSync(join(tmpdir(), 'longshore-kustomize-'));
    try {
      cpSync(folder, join(place, 'kubernetes'), { recursive: true });
      for (const [path, text] of Object.entries({ ...files, 'kustomization.yaml': kustomization })) {
        mkdirSync(dirname(join(place, path)), { recursive: true });
        writeFileSync(join(place, path), text);
      }
      const text = execFileSync('kubectl', ['kustomize', place], { encoding: 'utf8' });
      return parseAllDocuments(text).map((document) => document.toJS() as Rendered);
    } finally {
      rmSync(place, { recursive: true });
    }
  }
  interface Rendered extends Document {
    readonly metadata: { readonly name: string; readonly namespace?: string };
  }

  it.each([
    ['dev', 1],
    ['stage', 3],
    ['prod', 3],
  ])('%s is in a namespace of its own and begins with %d of each worker', (overlay, replicas) => {
    const objects = rendered(overlay);
    const outside = objects.filter(({ metadata }) => metadata.namespace !== `longshore-${overlay}`);
    expect(outside).toEqual([]);
    for (const worker of coreWorkerNames) {
      const workers = objects.filter(
        ({ kind, metadata }) => kind === 'Deployment' && metadata.name === worker,
      );
      expect(workers).toMatchObject([{ spec: { replicas } }]);
    }
  });

  it('KEDA asks the backend of the overlay, wherever it runs itself, and takes the place of the other autoscalers', () => {
    const objects = rendered('stage', ['kubernetes/components/keda']);
    const scaled = objects.filter(({ kind }) => kind === 'ScaledObject');
    expect(scaled.map(({ metadata }) => metadata.name).toSorted()).toEqual([...coreWorkerNames].toSorted());
    const { behavior } = ofKind('base/general.yaml', 'HorizontalPodAutoscaler').spec;
    for (const { metadata, spec } of scaled) {
      expect(metadata.namespace).toBe('longshore-stage');
      expect(spec['advanced']).toEqual({ horizontalPodAutoscalerConfig: { behavior } });
      for (const trigger of spec['triggers'] as { metadata: { url: string } }[])
        expect(trigger.metadata.url).toBe('http://backend.longshore-stage.svc:8000/api/v1/queues');
    }
    const left = objects.filter(
      ({ kind, metadata }) => kind === 'HorizontalPodAutoscaler' && metadata.name !== 'backend',
    );
    expect(left).toEqual([]);
  });

  it.each(['beside KEDA', 'without KEDA'])(
    'leaves the number of workers alone, and nothing else, where docs/kubernetes.md says so, %s',
    (how) => {
      const [example] = /```yaml\n([^`]*keep-replicas[^`]*)```/.exec(page)!.slice(1);
      const own = example!.replaceAll('../../longshore/deploy/', '');
      const beside = how === 'beside KEDA';
      const kept = renderedOf(beside ? own : own.replace(/.*\/keda .*\n/, ''));
      const expected = rendered('prod', beside ? ['kubernetes/components/keda'] : []);
      const scaled = ({ kind, metadata }: Rendered) =>
        kind === 'Deployment' && coreWorkerNames.some((name) => name === metadata.name);
      const workers = expected.filter(scaled);
      expect(workers.map(({ spec }) => spec['replicas'])).toEqual(coreWorkerNames.map(() => 3));
      for (const { spec } of workers) delete spec['replicas'];
      expect(kept).toEqual(expected);
    },
  );

  it('lets traces out of every pod where that is asked for', () => {
    const policies = rendered('prod', ['kubernetes/components/tracing']).filter(
      ({ kind }) => kind === 'NetworkPolicy',
    );
    expect(policies.find(({ metadata }) => metadata.name === 'traces')).toMatchObject({
      metadata: { namespace: 'longshore-prod' },
      spec: { policyTypes: ['Egress'], egress: [{ ports: [{ port: 4318 }] }] },
    });
  });

  it('takes the settings and the task files of the overlay that docs/kubernetes.md shows', () => {
    const [example] = /```yaml\n([^`]*configMapGenerator[^`]*)```/.exec(page)!.slice(1);
    const own = example!
      .replace(/resources: .*/, 'resources: [kubernetes/overlays/prod]')
      .replace(/components: .*/, 'components: [kubernetes/components/tracing]');
    const objects = renderedOf(own, { 'tasks/resize.ts': 'export default 1;\n' });
    const general = objects.find(
      ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'general',
    );
    const [container] = (general!.spec as unknown as { template: { spec: { containers: IContainer[] } } })
      .template.spec.containers;
    expect(container!.env).toContainEqual({ name: 'TASKS_DIR', value: '/tasks' });
    expect(container!.volumeMounts).toContainEqual({ name: 'tasks', mountPath: '/tasks', readOnly: true });
    expect(container!.env).toContainEqual({ name: 'HOST', value: '0.0.0.0' });
    const settings = objects.find(
      ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'longshore',
    );
    expect(settings).toMatchObject({
      data: { LOG_LEVEL: 'INFO', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.observability:4318' },
    });
  });
});
