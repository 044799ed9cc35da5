import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../src/run-steps.ts';
import { parseSizes, USAGE, type Sizes } from './documents/options.ts';
import { measureFiles, measurePipelines, measureScans } from './documents/platform-parts.ts';
import { HOW_TO_INSTALL, isInstalled } from './documents/program.ts';
import { measureOffice, measurePdfs, measureRecall } from './documents/readers.ts';
import { type DocumentFigures, report } from './documents/report.ts';
import { buildPlatform, openStage } from './documents/stage.ts';

const say = (text: string) => void process.stderr.write(`${text}\n`);

/** Rounds in which each file is read by each reader in turn. */
async function measureReaders(sizes: Sizes, figures: DocumentFigures): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-bench-'));
  try {
    for (let round = 1; round <= sizes.rounds; round += 1) {
      if (sizes.parts.includes('pdf')) figures.pdfs.push(...(await measurePdfs(folder, sizes)));
      if (sizes.parts.includes('office')) figures.office.push(...(await measureOffice(folder)));
      say(`${round}/${sizes.rounds} readers`);
    }
    if (sizes.parts.includes('recall')) figures.recall.push(...(await measureRecall(folder)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What needs a whole platform. Scans come first: their memory is that of a worker that did nothing before. */
async function measurePlatform(sizes: Sizes, figures: DocumentFigures): Promise<void> {
  const wanted = (['scans', 'files', 'pipeline'] as const).filter((part) => sizes.parts.includes(part));
  if (wanted.length === 0) return;
  const { program, remove } = await buildPlatform();
  try {
    for (const part of wanted) {
      const stage = await openStage(program);
      try {
        if (part === 'scans') figures.scans = await measureScans(stage, sizes.scans);
        if (part === 'files') figures.files = await measureFiles(stage, sizes.files);
        if (part === 'pipeline')
          figures.pipeline = await measurePipelines(stage, {
            files: sizes.smallFiles,
            pipelines: sizes.pipelines,
          });
        say(part);
      } finally {
        await stage.stop();
      }
    }
  } finally {
    await remove();
  }
}

/** What was asked for; null when there is nothing to measure: help was asked for, or something that there is not. */
function asked(args: readonly string[]): Sizes | null {
  try {
    const sizes = parseSizes(args);
    if (sizes === null) process.stdout.write(USAGE);
    return sizes;
  } catch (error) {
    say(`${(error as Error).message}; see --help`);
    process.exitCode = 2;
    return null;
  }
}

async function main(args: readonly string[]): Promise<void> {
  const sizes = asked(args);
  if (sizes === null) return;
  for (const program of ['pdftotext', 'tesseract'])
    if (!(await isInstalled(program)))
      say(`${program} is not installed, so it is left out: ${HOW_TO_INSTALL}`);
  const figures: DocumentFigures = {
    pdfs: [],
    office: [],
    recall: [],
    files: [],
    scans: null,
    pipeline: null,
  };
  await measureReaders(sizes, figures);
  await measurePlatform(sizes, figures);
  const text = await report(figures, sizes, availableParallelism());
  process.stdout.write(text);
  // A part of the page, or one from too few rounds, shall not replace the page.
  if (sizes.rounds >= 3 && !args.includes('--part'))
    await writeFile(join(root, 'docs/benchmarks-documents.md'), text);
}

await main(process.argv.slice(2));
