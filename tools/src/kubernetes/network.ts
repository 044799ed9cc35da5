import { coreWorkerNames, coreWorkers } from '@longshore/contracts';
import { type INetworkPolicySpec, NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { labelsOf } from './pod.ts';

type Egress = NonNullable<INetworkPolicySpec['egress']>[number];

const EVERY_POD = { 'app.kubernetes.io/name': 'longshore' };
const workers = {
  matchExpressions: [{ key: 'app.kubernetes.io/component', operator: 'In', values: [...coreWorkerNames] }],
};

const names: Egress = {
  to: [{ namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }],
  ports: [
    { protocol: 'UDP', port: 53 },
    { protocol: 'TCP', port: 53 },
  ],
};
const toBackend: Egress = {
  to: [{ podSelector: { matchLabels: labelsOf('backend') } }],
  ports: [{ port: 8000 }],
};
/** Redis and PostgreSQL may live outside of the cluster, so what counts here is the port. */
const toRedis: Egress = { ports: [{ port: 6379 }] };
const toPostgres: Egress = { ports: [{ port: 5432 }] };

/** Nothing but what is named here: workers reach broker and backend, and only the backend reaches the database. */
export function networkManifests() {
  const policy = (name: string, spec: INetworkPolicySpec) =>
    new NetworkPolicy({ metadata: { name, labels: EVERY_POD }, spec });
  return new Map([
    [
      'network.yaml',
      [
        policy('deny-all', { podSelector: { matchLabels: EVERY_POD }, policyTypes: ['Ingress', 'Egress'] }),
        policy('names', {
          podSelector: { matchLabels: EVERY_POD },
          policyTypes: ['Egress'],
          egress: [names],
        }),
        policy('workers', {
          podSelector: workers,
          policyTypes: ['Egress'],
          egress: [toBackend, toRedis],
        }),
        // Tasks and pipelines of the general worker reach the world, but nothing inside of private networks.
        policy('general-to-the-world', {
          podSelector: { matchLabels: labelsOf('general') },
          policyTypes: ['Egress'],
          egress: [
            {
              to: [
                {
                  ipBlock: {
                    cidr: '0.0.0.0/0',
                    except: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16'],
                  },
                },
              ],
            },
          ],
        }),
        policy('backend', {
          podSelector: { matchLabels: labelsOf('backend') },
          policyTypes: ['Ingress', 'Egress'],
          ingress: [{ ports: [{ port: 8000 }] }],
          egress: [toRedis, toPostgres, { ports: [{ port: 443 }] }],
        }),
        policy('migrate', {
          podSelector: { matchLabels: labelsOf('migrate') },
          policyTypes: ['Egress'],
          egress: [toPostgres],
        }),
        // Metrics and health, for Prometheus wherever it runs.
        policy('metrics', {
          podSelector: workers,
          policyTypes: ['Ingress'],
          ingress: [{ ports: Object.values(coreWorkers).map(({ healthPort: port }) => ({ port })) }],
        }),
      ],
    ],
  ]);
}

/** For the component: where traces go, OTLP over HTTP, wherever the collector is. */
export function tracingManifests() {
  return new Map([
    [
      'network.yaml',
      [
        new NetworkPolicy({
          metadata: { name: 'traces', labels: EVERY_POD },
          spec: {
            podSelector: { matchLabels: EVERY_POD },
            policyTypes: ['Egress'],
            egress: [{ ports: [{ port: 4318 }] }],
          },
        }),
      ],
    ],
  ]);
}
