import type { Tree } from '@nx/devkit';
import { appFiles } from './app-files.ts';
import { besidePattern, like, PATTERN, replaced, withProgram } from './likeness.ts';
import type { NewWorker } from './plan.ts';

type Edit = (text: string, worker: NewWorker) => string;

/** Files of the pattern that a new worker gets of its own. */
const OWN_FILES = [
  `apps/${PATTERN.name}/package.json`,
  `docker/${PATTERN.name}.Dockerfile`,
  `deploy/systemd/longshore-${PATTERN.name}@.service`,
];

/** Files in which it stands beside the others. */
const SHARED_FILES: Readonly<Record<string, Edit>> = {
  'libs/shared/contracts/src/queues.ts': withEntry,
  'docker/workers.txt': (text, { name, port }) => `${text.trimEnd()}\n${name} ${port}\n`,
  'docker/compose.yaml': besidePattern,
  'docker/compose.dev.yaml': besidePattern,
  'docker/compose.prod.yaml': besidePattern,
  'docker/compose.single.yaml': besidePattern,
  'deploy/supervisor/longshore.conf': withProgram,
  'deploy/prometheus/prometheus.yaml': withTarget,
  'docs/workers.md': withRow,
  'package-lock.json': besideInLock,
};

/** Writes all that makes a worker. @throws Error naming the file that is not as expected */
export function writeWorker(tree: Tree, worker: NewWorker): void {
  for (const path of OWN_FILES) tree.write(like(path, worker), like(read(tree, path), worker));
  for (const [path, text] of appFiles(worker)) tree.write(`apps/${worker.name}/${path}`, text);
  for (const [path, edit] of [...Object.entries(SHARED_FILES), ...packing(tree)]) {
    try {
      tree.write(path, edit(read(tree, path), worker));
    } catch (error) {
      throw new Error(`${path} is not as expected: ${(error as Error).message}`, { cause: error });
    }
  }
}

/** Apps that run several workers in one process name them in their manifest. */
function packing(tree: Tree): [string, Edit][] {
  const paths = tree.children('apps').map((app) => `apps/${app}/package.json`);
  const packs = paths.filter((path) => tree.exists(path) && read(tree, path).includes('"packs"'));
  return packs.map((path) => [path, packedToo]);
}

function packedToo(text: string, { name }: NewWorker): string {
  const manifest = JSON.parse(text) as {
    longshore?: { packs?: string[] };
    nx?: { implicitDependencies?: string[] };
  };
  for (const list of [manifest.longshore?.packs, manifest.nx?.implicitDependencies]) {
    if (list?.includes(PATTERN.name) === true) list.push(name);
  }
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

function read(tree: Tree, path: string): string {
  const text = tree.read(path, 'utf8');
  if (text === null) throw new Error(`${path} is missing`);
  return text;
}

function withEntry(text: string, { name, queue, port }: NewWorker): string {
  const entry = `  '${name}': { queues: ['${queue}'], healthPort: ${port}, slots: { min: 1, max: 4 } },\n`;
  return replaced(text, /^\} as const satisfies Record<string, CoreWorker>\);$/m, (end) => entry + end);
}

function withTarget(text: string, { port }: NewWorker): string {
  const targets = /job_name: longshore-workers\n[^\]]*(?=\])/;
  return replaced(text, targets, (list) => `${list}, '127.0.0.1:${port}'`);
}

/** Behind the last worker of the table. */
function withRow(text: string, { name, queue, port, does }: NewWorker): string {
  const row = `| \`${name}\` | \`${queue}\` | 1 to 4 | ${port} | ${does} |`;
  return replaced(text, /^\| worker +\| queues [^]*?\n(?=\n)/m, (table) => `${table}${row}\n`);
}

/** As npm would write it: the new app depends on what the pattern depends on. */
function besideInLock(text: string, worker: NewWorker): string {
  const lock = JSON.parse(text) as { packages: Record<string, object> };
  const paths = [`apps/${PATTERN.name}`, `node_modules/@longshore/${PATTERN.name}`];
  for (const path of paths) {
    const entry = lock.packages[path];
    if (entry === undefined) throw new Error(`there is no ${path}`);
    lock.packages[like(path, worker)] = JSON.parse(like(JSON.stringify(entry), worker)) as object;
  }
  lock.packages = inOrder(lock.packages);
  return `${JSON.stringify(lock, null, 2)}\n`;
}

function inOrder(packages: Record<string, object>): Record<string, object> {
  const byPath = ([a]: [string, object], [b]: [string, object]) => a.localeCompare(b, 'en');
  return Object.fromEntries(Object.entries(packages).sort(byPath));
}
