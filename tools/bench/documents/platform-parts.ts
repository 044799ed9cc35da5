import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { invoicePart } from '../load.ts';
import { median } from '../statistics.ts';
import { prepareDeployment } from '../measure.ts';
import { cpuByName, processTree } from '../processes.ts';
import { apply, readAll, runPipeline, untilEnded } from './api.ts';
import { knownFiles } from './make-formats.ts';
import { scans } from './make-scan.ts';
import { type Cost, costOf, isInstalled, peakOf } from './program.ts';
import type { Stage, WorkerMemory } from './stage.ts';
import { recall } from './words.ts';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The worker that reads files, after so many. */
export interface MemoryAfter extends WorkerMemory {
  readonly files: number;
}

const workflow = { kind: 'workflow', name: 'documents', steps: [{ read: {} }] };
const deployment = {
  kind: 'deployment',
  api_name: 'documents',
  workflow: 'documents',
  settings: { max_parallel_files: 20 },
};

/** When memory is looked at, as shares of the files: once the worker is warm, and twice later, by when it may not have grown. */
const LOOKS = [0.25, 0.5, 1] as const;

/** Sends files of all formats through one worker. */
export async function measureFiles({ platform, memory }: Stage, total: number): Promise<MemoryAfter[]> {
  await apply(platform, [workflow, deployment]);
  const files = await knownFiles();
  const looks = LOOKS.map((share) => Math.round(total * share));
  const taken: MemoryAfter[] = [];
  for (let done = 0; done < total;) {
    const next = looks[taken.length]!;
    const batch = files.slice(0, Math.min(files.length, next - done));
    await readAll(platform, batch);
    done += batch.length;
    if (done === next) taken.push({ files: done, ...(await memory()) });
  }
  return taken;
}

export interface ScanFigures {
  readonly memory: readonly MemoryAfter[];
  /** The most that the worker ever had in memory, MiB. */
  readonly peak: number;
  readonly cpuMs: number;
  readonly recall: number;
  /** Null where it is not installed. */
  readonly tesseract: (Cost & { readonly recall: number }) | null;
}

/** Has pages recognised one after the other, each in an execution of its own, and some of them by `tesseract` in the same minutes. */
export async function measureScans(stage: Stage, total: number): Promise<ScanFigures> {
  const { platform, folder } = stage;
  await apply(platform, [workflow, deployment]);
  const pages = await scans(total);
  const peer = await isInstalled('tesseract');
  const memory: MemoryAfter[] = [{ files: 0, ...(await stage.memory()) }];
  const [ours, theirs]: [Sample[], (Sample & Cost)[]] = [[], []];
  for (const [index, page] of pages.entries()) {
    const before = fileWorkerCpu();
    const texts = await readAll(platform, [page]);
    ours.push({ cpuMs: fileWorkerCpu() - before, recall: recall(page.text, texts.get(page.name) ?? '') });
    if (peer && index % Math.ceil(total / 10) === 0) {
      const path = join(folder, page.name);
      await writeFile(path, page.bytes);
      const cost = await costOf('tesseract', [path, join(folder, 'out')], 1);
      const { stdout } = await run('cat', [join(folder, 'out.txt')]);
      theirs.push({ ...cost, recall: recall(page.text, stdout) });
    }
    if ((index + 1) % Math.ceil(total / 6) === 0 || index === 0)
      memory.push({ files: index + 1, ...(await stage.memory()) });
  }
  return {
    ...{ memory, peak: peakOf(stage.fileWorker()), ...middle(ours) },
    tesseract: peer ? { ...middle(theirs), peak: Math.max(...theirs.map(({ peak }) => peak)) } : null,
  };
}

interface Sample {
  readonly cpuMs: number;
  readonly recall: number;
}

const middle = (samples: readonly Sample[]): Sample => ({
  cpuMs: median(samples.map(({ cpuMs }) => cpuMs)),
  recall: median(samples.map((sample) => sample.recall)),
});

const fileWorkerCpu = () => cpuByName(processTree(process.pid)).get('file-processing') ?? Number.NaN;

/** Memory of all processes after so many files, by name, MiB. */
export interface PipelineMemory {
  readonly delivered: number;
  readonly byName: ReadonlyMap<string, number>;
}

export interface PipelineFigures {
  /** Of one pipeline. */
  readonly files: number;
  /** That each of them took, in this order. */
  readonly seconds: readonly number[];
  readonly memory: readonly PipelineMemory[];
}

/** Carries small text files from a folder to another by one new pipeline after the other, and looks at the memory of all processes after each. */
export async function measurePipelines(
  stage: Stage,
  { files, pipelines }: { files: number; pipelines: number },
): Promise<PipelineFigures> {
  const source = join(stage.folder, 'in');
  await mkdir(source);
  for (let index = 0; index < files; index += 1) {
    const { name, content } = invoicePart(index);
    await writeFile(join(source, name), content);
  }
  await prepareDeployment(stage.platform);
  const memory: PipelineMemory[] = [{ delivered: 0, byName: await stage.memoryOfAll() }];
  const seconds: number[] = [];
  for (let number = 1; number <= pipelines; number += 1) {
    seconds.push(await carry(stage, { source, name: `carry-${number}`, files }));
    memory.push({ delivered: number * files, byName: await stage.memoryOfAll() });
  }
  return { files, seconds, memory };
}

interface Carried {
  readonly source: string;
  readonly name: string;
  readonly files: number;
}

/** @returns the seconds until the pipeline had ended @throws when a file was not delivered */
async function carry({ platform, folder }: Stage, { source, name, files }: Carried): Promise<number> {
  const target = join(folder, name);
  await mkdir(target);
  await apply(platform, [
    {
      ...{ kind: 'pipeline', pipeline_id: name, workflow: 'bench' },
      source: { folder: { path: source } },
      destination: { folder: { path: target } },
      settings: { max_parallel_files: 50 },
    },
  ]);
  const started = performance.now();
  await untilEnded(platform, await runPipeline(platform, name));
  const seconds = (performance.now() - started) / 1000;
  const delivered = (await readdir(target)).filter((file) => file.endsWith('.json')).length;
  if (delivered !== files) throw new Error(`${delivered} of ${files} files were delivered`);
  return seconds;
}
