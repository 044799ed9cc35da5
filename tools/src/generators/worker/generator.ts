import { spawnSync } from 'node:child_process';
import { formatFiles, getProjects, logger, type Tree } from '@nx/devkit';
import { coreWorkers, NAME_PATTERN } from '@longshore/contracts';
import { planWorker, type NewWorker, type WorkerOptions } from './plan.ts';
import { writeWorker } from './write-worker.ts';

/** What programs write from the table of workers, once that is on the disk. */
const WRITERS = [
  'libs/shared/runtime/src/config/write-docs.ts',
  'apps/cli/src/reference/write-docs.ts',
  'tools/src/kubernetes/write.ts',
];

/** Words that name no worker where one is named. */
const WORDS = ['all', 'api', 'file', 'python', 'backend', 'worker', 'health', 'longshore', 'dashboard'];

/**
 * `nx g @longshore/tools:worker <name>`: a worker that passes lint and tests at once, and everything that runs it.
 * @throws Error with every reason why it cannot be made; then nothing is written
 */
export default async function makeWorker(tree: Tree, options: WorkerOptions): Promise<() => void> {
  const taken = new Set([...WORDS, ...getProjects(tree).keys(), ...commands(tree)]);
  const worker = planWorker(options, { workers: coreWorkers, taken, queueName: NAME_PATTERN });
  if (tree.exists(`apps/${worker.name}`)) throw new Error(`There is a folder apps/${worker.name} already.`);
  writeWorker(tree, worker);
  await formatFiles(tree);
  return () => {
    runWriters(tree.root);
    logger.info(whatNow(worker));
  };
}

/** The image with everything takes a worker or a command as its first word. */
function commands(tree: Tree): string[] {
  const page = tree.read('docs/cli.md', 'utf8') ?? '';
  return [...page.matchAll(/^## longshore ([a-z]+)$/gm)].map(([, command]) => command!);
}

/** In processes of their own: this one has read the table as it was. @throws Error when one fails */
function runWriters(root: string): void {
  for (const writer of WRITERS) {
    const { status } = spawnSync(process.execPath, [writer], { cwd: root, stdio: 'inherit' });
    if (status !== 0) throw new Error(`node ${writer} ended with ${status}: mend that and run it again`);
  }
}

function whatNow({ name, queue }: NewWorker): string {
  return `
Also written: docs/configuration.md, sample.env, docs/cli.md, deploy/kubernetes.

  npx nx test ${name}                      its first spec; npx nx lint ${name} for its style
  npx nx serve ${name}                     beside: npm start -- --without ${name}
  docker/build-images.sh ${name}           its image

Where Longshore runs already, it needs a key: longshore keys create "worker ${name}" --kind service --workers ${name} --queues ${queue}`;
}
