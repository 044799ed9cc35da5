import { RELEASE } from '@longshore/contracts';
import type { IContainer, IEnvVar, IPodSpec, IProbe } from 'kubernetes-models/v1';

/** The secret that holds what docker/make-secrets.sh makes, a key for each file. */
export const SECRET = 'longshore';
/** Settings that are no secrets. */
export const SETTINGS = 'longshore';

const APP = 'app.kubernetes.io/name';
const PART = 'app.kubernetes.io/component';

/** What marks the pods of one part: the backend or a worker. */
export function labelsOf(part: string): Record<string, string> {
  return { [APP]: 'longshore', [PART]: part };
}

export interface Pod {
  /** `backend` or the name of a worker. */
  readonly part: string;
  readonly port: number;
  readonly env: readonly IEnvVar[];
  /** Variables that are files, by the key of the secret that holds them. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** A claim that is mounted at this path. */
  readonly files?: { readonly claim: string; readonly path: string };
  /** Goes on serving for so long once it is to end, s: what sends requests to it hears of that later. Default: not at all. */
  readonly lingerSeconds?: number;
  /** Of the whole stop, s: SHUTDOWN_GRACE and ten seconds more. Default 40. */
  readonly graceSeconds?: number;
}

/** 3 restarts' worth of patience: a process that lives answers in milliseconds. */
const liveness: IProbe = {
  httpGet: { path: '/live', port: 'http' },
  initialDelaySeconds: 30,
  periodSeconds: 30,
  timeoutSeconds: 10,
  failureThreshold: 3,
};
const readiness: IProbe = {
  httpGet: { path: '/ready', port: 'http' },
  initialDelaySeconds: 15,
  periodSeconds: 10,
  timeoutSeconds: 5,
  failureThreshold: 3,
};

/** A pod of one container that may write to /tmp and its claim, and nowhere else. */
export function podSpec(pod: Pod): IPodSpec {
  const { files, graceSeconds = 40, secrets } = pod;
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: graceSeconds,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 1000,
      runAsGroup: 1000,
      fsGroup: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [container(pod)],
    volumes: [
      { name: 'tmp', emptyDir: { sizeLimit: '1Gi' } },
      {
        name: 'secrets',
        secret: {
          secretName: SECRET,
          defaultMode: 0o440,
          items: Object.values(secrets).map((key) => ({ key, path: key })),
        },
      },
      ...(files ? [{ name: 'files', persistentVolumeClaim: { claimName: files.claim } }] : []),
    ],
  };
}

function container({ part, port, env, secrets, args, files, lingerSeconds }: Pod): IContainer {
  const secretFiles = Object.entries(secrets).map(([name, key]) => ({ name, value: `/secrets/${key}` }));
  return {
    name: part,
    image: `longshore-${part}:${RELEASE}`,
    ...(args && { args: [...args] }),
    ports: [{ name: 'http', containerPort: port }],
    envFrom: [{ configMapRef: { name: SETTINGS } }],
    env: [{ name: 'HOST', value: '0.0.0.0' }, ...env, ...secretFiles],
    resources: { requests: { cpu: '500m', memory: '512Mi' }, limits: { cpu: '2', memory: '2Gi' } },
    livenessProbe: liveness,
    readinessProbe: readiness,
    ...(lingerSeconds !== undefined && {
      lifecycle: { preStop: { exec: { command: lingering(lingerSeconds) } } },
    }),
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'secrets', mountPath: '/secrets', readOnly: true },
      ...(files ? [{ name: 'files', mountPath: files.path }] : []),
    ],
  };
}

/** The image has Node and need not have a shell; the handler `sleep` would ask for Kubernetes 1.30. */
function lingering(seconds: number): string[] {
  return ['node', '-e', `setTimeout(() => {}, ${seconds * 1000})`];
}
