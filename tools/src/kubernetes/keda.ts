import { type CoreWorkerName, coreWorkerNames, coreWorkers } from '@longshore/contracts';
import { ScaledObject, TriggerAuthentication } from '@kubernetes-models/keda/keda.sh/v1alpha1';
import { inNamespaceOfBackend } from './component.ts';
import { labelsOf, SECRET } from './pod.ts';
import { REPLICAS, SCALING } from './workers.ts';

const AUTHENTICATION = 'longshore-queues';
/** Due runs that one worker is meant to have waiting. */
const RUNS_PER_WORKER = '10';

/** Stands where the component writes the namespace of the backend: KEDA asks from a namespace of its own. */
const ANY_NAMESPACE = 'NAMESPACE';

/** For the component: what it takes from the backend of the overlay that it is put on. */
export const kedaReplacements = [
  inNamespaceOfBackend(['ScaledObject', 'TriggerAuthentication'], {
    select: { kind: 'ScaledObject' },
    fieldPaths: ['spec.triggers.*.metadata.url'],
    options: { delimiter: '.', index: 1 },
  }),
];

/**
 * Scaling by what waits instead of by CPU: the backend answers from counters in its database, whose cost does not grow with
 * the backlog. `admin_key` in the secret is a key of the kind admin.
 */
export function kedaManifests() {
  return new Map([['scaling.yaml', [authentication(), ...coreWorkerNames.map(scaledObject)]]]);
}

function authentication(): TriggerAuthentication {
  return new TriggerAuthentication({
    metadata: { name: AUTHENTICATION },
    spec: { secretTargetRef: [{ parameter: 'token', name: SECRET, key: 'admin_key' }] },
  });
}

function scaledObject(worker: CoreWorkerName): ScaledObject {
  return new ScaledObject({
    metadata: { name: worker, labels: labelsOf(worker) },
    spec: {
      scaleTargetRef: { name: worker },
      minReplicaCount: REPLICAS.min,
      maxReplicaCount: REPLICAS.max,
      pollingInterval: 15,
      cooldownPeriod: 300,
      advanced: { horizontalPodAutoscalerConfig: { behavior: SCALING } },
      triggers: coreWorkers[worker].queues.map((queue) => ({
        type: 'metrics-api',
        metadata: {
          url: `http://backend.${ANY_NAMESPACE}.svc:8000/api/v1/queues`,
          valueLocation: `queues.#(queue=="${queue}").due`,
          targetValue: RUNS_PER_WORKER,
          authMode: 'bearer',
        },
        authenticationRef: { name: AUTHENTICATION },
      })),
    },
  });
}
