import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { invoicePart } from '../load.ts';
import { median } from '../statistics.ts';
import { prepareDeployment } from '../measure.ts';
import { cpuByName, memoryByName, processTree } from '../processes.ts';
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

export interface PipelineFigures {
  readonly files: number;
  readonly seconds: number;
  /** By process, MiB, at each of the looks. */
  readonly memory: readonly { readonly delivered: number; readonly byName: ReadonlyMap<string, number> }[];
}

/** Carries small text files from one folder to another. */
export async function measurePipeline({ platform, folder }: Stage, total: number): Promise<PipelineFigures> {
  const [source, target] = [join(folder, 'in'), join(folder, 'out')];
  await Promise.all([mkdir(source), mkdir(target)]);
  for (let index = 0; index < total; index += 1) {
    const { name, content } = invoicePart(index);
    await writeFile(join(source, name), content);
  }
  await prepareDeployment(platform);
  await apply(platform, [
    {
      ...{ kind: 'pipeline', pipeline_id: 'carry', workflow: 'bench' },
      source: { folder: { path: source } },
      destination: { folder: { path: target } },
      settings: { max_parallel_files: 50 },
    },
  ]);
  const memory: { delivered: number; byName: Map<string, number> }[] = [];
  const look = (delivered: number) =>
    memory.push({ delivered, byName: memoryByName(processTree(process.pid)) });
  const started = performance.now();
  const id = await runPipeline(platform, 'carry');
  await untilEnded(platform, id, async () => {
    const delivered = (await readdir(target)).filter((name) => name.endsWith('.json')).length;
    if (delivered < total && delivered >= LOOKS[memory.length]! * total) look(delivered);
  });
  const seconds = (performance.now() - started) / 1000;
  const delivered = (await readdir(target)).filter((name) => name.endsWith('.json')).length;
  if (delivered !== total) throw new Error(`${delivered} of ${total} files were delivered`);
  look(delivered);
  return { files: total, seconds, memory };
}
