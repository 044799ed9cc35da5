import { coreWorkerNames, RELEASE } from '@longshore/contracts';
import { stringify } from 'yaml';
import { backendManifests } from './backend.ts';
import { component, inNamespaceOfBackend } from './component.ts';
import { kedaManifests, kedaReplacements } from './keda.ts';
import { networkManifests, tracingManifests } from './network.ts';
import { SETTINGS } from './pod.ts';
import { workerManifests } from './workers.ts';

/** A document that knows whether the cluster would take it. */
interface Manifest {
  validate(): void;
  toJSON(): unknown;
}

const NOTE = '# Written by `node tools/src/kubernetes/write.ts`; change it there.\n';
const overlays = { dev: 1, stage: 3, prod: 3 } as const;

/**
 * All files below deploy/kubernetes by their path.
 * @throws Error when a document is none that a cluster would take
 */
export function kubernetesFiles(): ReadonlyMap<string, string> {
  const base = new Map<string, readonly Manifest[]>([
    ...backendManifests(),
    ...workerManifests(),
    ...networkManifests(),
  ]);
  const keda = kedaManifests();
  const tracing = tracingManifests();
  const workers = coreWorkerNames.map((name) => ({ name }));
  return new Map([
    ...folder('base', base),
    ['base/kustomization.yaml', yaml([kustomization({ resources: [...base.keys()] })])],
    ...folder('components/keda', keda),
    [
      'components/keda/kustomization.yaml',
      yaml([
        component({
          resources: [...keda.keys()],
          patches: workers.map(({ name }) => ({
            patch: stringify({
              apiVersion: 'autoscaling/v2',
              kind: 'HorizontalPodAutoscaler',
              metadata: { name },
              $patch: 'delete',
            }),
          })),
          replacements: kedaReplacements,
        }),
      ]),
    ],
    ['components/keep-replicas/kustomization.yaml', yaml([keepReplicas()])],
    ...folder('components/tracing', tracing),
    [
      'components/tracing/kustomization.yaml',
      yaml([
        component({
          resources: [...tracing.keys()],
          replacements: [inNamespaceOfBackend(['NetworkPolicy'])],
        }),
      ]),
    ],
    ...Object.entries(overlays).map(([name, replicas]): [string, string] => [
      `overlays/${name}/kustomization.yaml`,
      yaml([overlay(name, replicas)]),
    ]),
  ]);
}

function folder(path: string, files: ReadonlyMap<string, readonly Manifest[]>): [string, string][] {
  return [...files].map(([name, manifests]) => {
    for (const manifest of manifests) manifest.validate();
    return [`${path}/${name}`, yaml(manifests.map((manifest) => manifest.toJSON()))];
  });
}

/** Takes the number of workers out of the deployments, so that an apply leaves it to whoever scales them. */
function keepReplicas(): unknown {
  const patches = coreWorkerNames.map((name) => ({
    patch: stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name },
      spec: { replicas: null },
    }),
  }));
  return component({ patches });
}

function overlay(name: string, replicas: number): unknown {
  const images = ['backend', ...coreWorkerNames].map((part) => ({
    name: `longshore-${part}`,
    newTag: name === 'dev' ? 'dev' : RELEASE,
  }));
  return {
    ...kustomization({ resources: ['../../base'] }),
    namespace: `longshore-${name}`,
    images,
    replicas: coreWorkerNames.map((worker) => ({ name: worker, count: replicas })),
    ...(name === 'dev' && {
      patches: [
        {
          patch: stringify({
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: { name: SETTINGS },
            data: { LOG_LEVEL: 'DEBUG' },
          }),
        },
      ],
    }),
  };
}

function kustomization(rest: Readonly<Record<string, unknown>>) {
  return { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', ...rest };
}

function yaml(documents: readonly unknown[]): string {
  return NOTE + documents.map((document) => stringify(document, { lineWidth: 0 })).join('---\n');
}
