import { Deployment } from 'kubernetes-models/apps/v1';
import { Job } from 'kubernetes-models/batch/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, PersistentVolumeClaim, Service } from 'kubernetes-models/v1';
import { labelsOf, podSpec, SETTINGS } from './pod.ts';

const PART = 'backend';
const PORT = 8000;
const CLAIM = 'longshore-files';
/** Until no service, proxy or ingress sends new requests to a pod that ends. */
const LINGER_SECONDS = 5;

/** What the backend shares with the job that migrates. */
const pod = {
  part: PART,
  port: PORT,
  env: [
    { name: 'PORT', value: String(PORT) },
    { name: 'STORAGE_DIR', value: '/files' },
  ],
  secrets: {
    DATABASE_URL_FILE: 'database_url',
    BROKER_URL_FILE: 'broker_url',
    LONGSHORE_BOOTSTRAP_FILE: 'credentials.json',
    ENCRYPTION_KEYS_FILE: 'encryption_keys',
  },
};

/** The backend, and what it needs, by the name of the file that holds it. */
export function backendManifests() {
  return new Map([
    ['settings.yaml', [new ConfigMap({ metadata: { name: SETTINGS }, data: { LOG_LEVEL: 'INFO' } })]],
    ['backend.yaml', [files(), deployment(), service(), disruptionBudget()]],
    ['migrate.yaml', [migrate()]],
  ]);
}

/** Every backend reads and writes the same files. */
function files(): PersistentVolumeClaim {
  return new PersistentVolumeClaim({
    metadata: { name: CLAIM, labels: labelsOf(PART) },
    spec: { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '50Gi' } } },
  });
}

function deployment(): Deployment {
  const labels = labelsOf(PART);
  return new Deployment({
    metadata: { name: PART, labels },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels },
        spec: podSpec({
          ...pod,
          lingerSeconds: LINGER_SECONDS,
          graceSeconds: 40 + LINGER_SECONDS,
          files: { claim: CLAIM, path: '/files' },
        }),
      },
    },
  });
}

function service(): Service {
  return new Service({
    metadata: { name: PART, labels: labelsOf(PART) },
    spec: { selector: labelsOf(PART), ports: [{ name: 'http', port: PORT, targetPort: 'http' }] },
  });
}

function disruptionBudget(): PodDisruptionBudget {
  return new PodDisruptionBudget({
    metadata: { name: PART, labels: labelsOf(PART) },
    spec: { minAvailable: 1, selector: { matchLabels: labelsOf(PART) } },
  });
}

/**
 * Brings the database to the schema of its release before the first new backend starts. Applied and awaited before the rest;
 * a backend that finds the schema behind would do the same.
 */
function migrate(): Job {
  const labels = labelsOf('migrate');
  const { containers, ...spec } = podSpec({ ...pod, args: ['migrate'] });
  const { livenessProbe: _live, readinessProbe: _ready, ports: _ports, ...container } = containers[0]!;
  return new Job({
    metadata: { name: 'migrate', labels },
    spec: {
      backoffLimit: 3,
      ttlSecondsAfterFinished: 3600,
      template: {
        metadata: { labels },
        spec: { ...spec, restartPolicy: 'OnFailure', containers: [container] },
      },
    },
  });
}
