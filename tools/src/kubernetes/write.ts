import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { root } from '../run-steps.ts';
import { kubernetesFiles } from './manifests.ts';

const folder = join(root, 'deploy/kubernetes');
await rm(folder, { recursive: true, force: true });
for (const [path, text] of kubernetesFiles()) {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}
