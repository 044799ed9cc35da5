import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { coreWorkerNames, coreWorkers } from '@longshore/contracts';
import { parse } from 'yaml';
import { root } from '../run-steps.ts';

interface Service {
  readonly networks?: readonly string[];
  readonly deploy?: {
    readonly replicas?: number | string;
    readonly resources?: { readonly limits?: { readonly memory: string; readonly cpus: string } };
  };
}

interface Compose {
  readonly services: Record<string, Service>;
  readonly networks?: Record<string, { readonly internal?: boolean }>;
}

const read = (file: string) =>
  parse(readFileSync(join(root, 'docker', file), 'utf8'), { merge: true }) as Compose;

describe('the networks of docker/compose.yaml', () => {
  const { services, networks } = read('compose.yaml');
  const on = (network: string) =>
    Object.keys(services).filter((name) => services[name]!.networks!.includes(network));

  it('have PostgreSQL and the backend alone on the one, and all workers on the other', () => {
    expect(on('truth').toSorted()).toEqual(['backend', 'postgres']);
    expect(on('work').toSorted()).toEqual(['backend', 'redis', ...coreWorkerNames].toSorted());
  });

  it('lead nobody out but the backend and the worker whose tasks are out there', () => {
    expect(networks).toEqual({ truth: { internal: true }, work: { internal: true }, public: {} });
    expect(on('public').toSorted()).toEqual(['backend', 'general']);
  });

  const others = globSync('compose.*.yaml', { cwd: join(root, 'docker') }).map((file) => basename(file));
  it.each(others)('are the same with %s, which at most adds the collector', (file) => {
    const added = read(file);
    const changed = Object.entries(added.services).filter(([, service]) => service.networks !== undefined);
    const collector = file === 'compose.tracing.yaml';
    expect(changed.map(([name, service]) => [name, service.networks])).toEqual(
      collector ? [['collector', ['work', 'tracing']]] : [],
    );
    expect(Object.keys(added.networks ?? {})).toEqual(collector ? ['tracing'] : []);
  });
});

describe('what compose gives each worker', () => {
  it.each(coreWorkerNames)('is for %s three of 1 GB and 1 CPU in development', (worker) => {
    const { replicas, resources } = read('compose.dev.yaml').services[worker]!.deploy!;
    expect({ replicas, ...resources?.limits }).toEqual({ replicas: 3, memory: '1G', cpus: '1' });
  });

  it.each(coreWorkerNames)(
    'is for %s as many of 2 GB and 2 CPU in production as the environment says',
    (worker) => {
      const { replicas, resources } = read('compose.prod.yaml').services[worker]!.deploy!;
      expect(replicas).toMatch(/^\$\{[A-Z_]+_REPLICAS:-\d\}$/);
      expect(resources?.limits).toEqual({ memory: '2G', cpus: '2' });
    },
  );
});

describe('the health check of each image', () => {
  it('asks whether the process lives, and nothing that depends on others', () => {
    expect(readFileSync(join(root, 'docker/health.mjs'), 'utf8')).toContain('/live');
    for (const worker of coreWorkerNames)
      expect(readFileSync(join(root, `docker/${worker}.Dockerfile`), 'utf8')).toContain(
        `"health.mjs", "${coreWorkers[worker].healthPort}"]`,
      );
  });
});
