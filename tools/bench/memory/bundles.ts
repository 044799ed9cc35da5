import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { coreWorkerNames } from '@longshore/contracts';
import { root } from '../../src/run-steps.ts';

/** Builds what is measured, as it is deployed: the platform, and `further` apps. @returns the folder that holds the bundles */
export async function buildBundles(folder: string, further: readonly string[] = []): Promise<string> {
  const bundles = join(folder, 'apps');
  await mkdir(bundles);
  for (const app of ['backend', ...coreWorkerNames, 'packed', ...further])
    await promisify(execFile)(process.execPath, ['tools/src/build.ts', app, join(bundles, app)], {
      cwd: root,
    });
  return bundles;
}
