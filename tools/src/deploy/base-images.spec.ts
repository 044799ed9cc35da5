import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { root } from '../run-steps.ts';
import { baseImages } from './base-images.ts';

/** A version to its last number (PostgreSQL has two), so that a tag stands for one release of its program. */
const RELEASE = /^(?:postgres:\d+\.\d+|.+:\d+\.\d+\.\d+)(?:-|$)/;

const images = baseImages();
const named = (program: string) => images.filter(({ image }) => image.startsWith(`${program}:`));

describe('the images that ours stand on or beside', () => {
  it.each(images)('$file names a release: $image', ({ image }) => {
    expect(image).toMatch(RELEASE);
  });

  it.each(['node', 'node:24-bookworm-slim', 'redis:latest', 'redis:7.4-alpine', 'postgres:18', 'postgres'])(
    '%s would be refused: it means another one tomorrow',
    (floating) => expect(floating).not.toMatch(RELEASE),
  );

  it.each(['node', 'postgres', 'redis'])('are one release of %s wherever it is named', (program) => {
    expect(new Set(named(program).map(({ image }) => image)).size).toBe(1);
  });

  it('have the Node that Longshore is developed and tested with', () => {
    const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      devDependencies: { node: string };
    };
    expect(named('node')[0]!.image).toBe(`node:${devDependencies.node}-bookworm-slim`);
  });

  it('are named once: no script has a tag of its own', () => {
    for (const script of ['docker/build-images.sh', 'docker/local-images.sh']) {
      const code = readFileSync(join(root, script), 'utf8').replace(/<<'END'\n[^]*?\nEND\n/, '');
      expect(code).not.toMatch(/\b(?:node|postgres|redis):\d/);
    }
  });
});
