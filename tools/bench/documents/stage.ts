import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../../src/run-steps.ts';
import { buildBundles } from '../memory/bundles.ts';
import { type MeasuredPlatform, startMeasuredPlatform } from '../platform.ts';
import { processTree } from '../processes.ts';
import { residentOf } from './program.ts';

/** Files that the file worker has at work at once. */
const CONCURRENCY = 4;
const SETTLE_MS = 1_500;

/** A platform, a folder for its pipelines, and a look at its file worker. */
export interface Stage {
  readonly platform: MeasuredPlatform;
  readonly folder: string;
  /** Memory of the file worker as it is, and after its garbage was collected, MiB. */
  readonly memory: () => Promise<WorkerMemory>;
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
    process.kill(pid, 'SIGUSR2');
    // Collecting has no end that could be heard of; it takes a tenth of this.
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    return { resident, collected: residentOf(pid) };
  };
  const stop = async () => {
    await platform.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { platform, folder: join(folder, 'pipelines'), memory, fileWorker, stop };
}
