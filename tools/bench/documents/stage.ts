import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../../src/run-steps.ts';
import { buildBundles } from '../memory/bundles.ts';
import { type MeasuredPlatform, startMeasuredPlatform } from '../platform.ts';
import { memoryByName, processTree } from '../processes.ts';
import { residentOf } from './program.ts';

/** Files that the file worker has at work at once. */
const CONCURRENCY = 4;
const SETTLE_MS = 1_500;
/** Those that listen to the signal; it ends any other program. */
const NODE_PROCESSES = [
  'api-deployment',
  'backend',
  'callback',
  'file-processing',
  'general',
  'longshore up',
];

/** A platform, a folder for its pipelines, and a look at its file worker. */
export interface Stage {
  readonly platform: MeasuredPlatform;
  readonly folder: string;
  /** Memory of the file worker as it is, and after its garbage was collected, MiB. */
  readonly memory: () => Promise<WorkerMemory>;
  /** Memory (PSS) of all processes by name after their garbage was collected, MiB. */
  readonly memoryOfAll: () => Promise<ReadonlyMap<string, number>>;
  readonly fileWorker: () => number;
  readonly stop: () => Promise<void>;
}

export interface WorkerMemory {
  readonly resident: number;
  readonly collected: number;
}

/** Builds the platform as it is deployed, for what stands in a bundle alone decides over memory, within the checkout, whose packages it needs. */
export async function buildPlatform(): Promise<{ program: string; remove: () => Promise<void> }> {
  await mkdir(join(root, 'dist'), { recursive: true });
  const folder = await mkdtemp(join(root, 'dist', 'bench-'));
  const program = join(await buildBundles(folder, ['cli']), 'cli', 'main.js');
  return { program, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Starts `longshore up` on a PostgreSQL of its own, all processes ready to collect garbage when they are told. */
export async function openStage(program: string): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-bench-documents-'));
  await mkdir(join(folder, 'pipelines'));
  const preload = pathToFileURL(join(import.meta.dirname, 'collect-on-signal.mjs')).href;
  process.env['NODE_OPTIONS'] = `--expose-gc --import=${preload}`;
  process.env['PIPELINE_FOLDERS'] = join(folder, 'pipelines');
  const platform = await startMeasuredPlatform({ concurrency: CONCURRENCY, program });
  delete process.env['NODE_OPTIONS'];
  const fileWorker = () => processTree(process.pid).find(({ name }) => name === 'file-processing')!.pid;
  const memory = async (): Promise<WorkerMemory> => {
    const pid = fileWorker();
    const resident = residentOf(pid);
    await collect([pid]);
    return { resident, collected: residentOf(pid) };
  };
  const memoryOfAll = async () => {
    const all = processTree(process.pid).filter(({ name }) => name !== 'load generator');
    await collect(all.filter(({ name }) => NODE_PROCESSES.includes(name)).map(({ pid }) => pid));
    return memoryByName(all);
  };
  const stop = async () => {
    await platform.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { platform, folder: join(folder, 'pipelines'), memory, memoryOfAll, fileWorker, stop };
}

/** Has processes collect their garbage. That has no end which could be heard of; it takes a tenth of the time that this waits. */
async function collect(pids: readonly number[]): Promise<void> {
  for (const pid of pids) process.kill(pid, 'SIGUSR2');
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}
