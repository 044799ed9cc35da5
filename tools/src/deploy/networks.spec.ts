import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { coreWorkerNames } from '@longshore/contracts';
import { parse } from 'yaml';
import { root } from '../run-steps.ts';

interface Compose {
  readonly services: Record<string, { readonly networks?: readonly string[] }>;
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
