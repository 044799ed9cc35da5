import { type CoreWorkerName, coreWorkerNames, coreWorkers } from '@longshore/contracts';
import { Deployment } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { labelsOf, podSpec } from './pod.ts';

export const REPLICAS = { initial: 3, min: 2, max: 10 };
/** How fast their number follows what is needed, whoever decides that. */
export const SCALING = {
  scaleUp: {
    stabilizationWindowSeconds: 60,
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
  },
  scaleDown: {
    stabilizationWindowSeconds: 300,
    policies: [{ type: 'Percent', value: 50, periodSeconds: 60 }],
  },
};

/** The documents of each worker, by the name of the file that holds them. */
export function workerManifests() {
  return new Map(
    coreWorkerNames.map((worker) => [
      `${worker}.yaml`,
      [deployment(worker), autoscaler(worker), disruptionBudget(worker)],
    ]),
  );
}

function deployment(worker: CoreWorkerName): Deployment {
  const labels = labelsOf(worker);
  const port = coreWorkers[worker].healthPort;
  return new Deployment({
    metadata: { name: worker, labels },
    spec: {
      replicas: REPLICAS.initial,
      selector: { matchLabels: labels },
      // The old ones go when the new ones are ready: none of the capacity is missing meanwhile.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: {
          labels,
          annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(port) },
        },
        spec: podSpec({
          part: worker,
          port,
          env: [
            { name: 'INTERNAL_API_BASE_URL', value: 'http://backend:8000/internal' },
            { name: `${worker.replaceAll('-', '_').toUpperCase()}_HEALTH_PORT`, value: String(port) },
          ],
          secrets: {
            BROKER_URL_FILE: 'broker_url',
            INTERNAL_SERVICE_API_KEY_FILE: `service_key_${worker}`,
          },
        }),
      },
    },
  });
}

function autoscaler(worker: CoreWorkerName): HorizontalPodAutoscaler {
  const utilization = (name: string, percent: number) => ({
    type: 'Resource',
    resource: { name, target: { type: 'Utilization', averageUtilization: percent } },
  });
  return new HorizontalPodAutoscaler({
    metadata: { name: worker, labels: labelsOf(worker) },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: worker },
      minReplicas: REPLICAS.min,
      maxReplicas: REPLICAS.max,
      metrics: [utilization('cpu', 70), utilization('memory', 80)],
      behavior: SCALING,
    },
  });
}

function disruptionBudget(worker: CoreWorkerName): PodDisruptionBudget {
  const labels = labelsOf(worker);
  return new PodDisruptionBudget({
    metadata: { name: worker, labels },
    spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
  });
}
