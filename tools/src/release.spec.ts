import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { RELEASE } from '@longshore/contracts';
import { root } from './run-steps.ts';

const manifests = globSync('{.,apps/*,libs/*,libs/shared/*,tools}/package.json', { cwd: root });

it('every package of the checkout belongs to the release that its programs tell', () => {
  expect(manifests.length).toBeGreaterThan(10);
  for (const path of manifests) {
    const { version } = JSON.parse(readFileSync(join(root, path), 'utf8')) as { version: string };
    expect([path, version]).toEqual([path, RELEASE]);
  }
});
