import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { root } from '../run-steps.ts';

/** An image of somebody else's that ours stand on or beside. */
export interface BaseImage {
  /** Where it is named, from the root of the repository. */
  readonly file: string;
  /** With its tag, as it is taken where nobody chose another. */
  readonly image: string;
}

/** All of them, from the Dockerfiles and the compose files. */
export function baseImages(): BaseImage[] {
  return [...files('docker/*.Dockerfile', basesOf), ...files('docker/compose*.yaml', imagesOf)];
}

function files(pattern: string, imagesIn: (text: string) => readonly string[]): BaseImage[] {
  return globSync(pattern, { cwd: root })
    .toSorted()
    .flatMap((file) => imagesIn(readFileSync(join(root, file), 'utf8')).map((image) => ({ file, image })));
}

/** Every `FROM`, with the default of its build argument. */
function basesOf(dockerfile: string): string[] {
  const defaults = new Map(
    [...dockerfile.matchAll(/^ARG (\w+)=(\S+)$/gm)].map(([, name, value]) => [name!, value!]),
  );
  const bases = [...dockerfile.matchAll(/^FROM (?:--\S+ )*(\S+)/gim)].map(([, base]) => base!);
  return bases.map((base) => base.replace(/\$\{(\w+)\}/g, (_all, name: string) => defaults.get(name) ?? ''));
}

function imagesOf(compose: string): string[] {
  const { services } = parse(compose, { merge: true }) as { services: Record<string, { image?: string }> };
  return Object.values(services)
    .flatMap(({ image }) => (image === undefined ? [] : [image.replace(/\$\{\w+:-([^}]*)\}/g, '$1')]))
    .filter((image) => !/^longshore[-:]/.test(image));
}
