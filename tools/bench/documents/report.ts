import { median, spread } from '../statistics.ts';
import type { Sizes } from './options.ts';
import type { MemoryAfter, PipelineFigures, ScanFigures } from './platform-parts.ts';
import { HOW_TO_INSTALL, versionOf } from './program.ts';
import type { Found, Reading } from './readers.ts';

export interface DocumentFigures {
  readonly pdfs: Reading[];
  readonly office: Reading[];
  readonly recall: Found[];
  files: readonly MemoryAfter[];
  scans: ScanFigures | null;
  pipeline: PipelineFigures | null;
}

/** The page of this bench. Parts that were not measured are not in it. */
export async function report(figures: DocumentFigures, sizes: Sizes, cores: number): Promise<string> {
  const lines = [
    '# Benchmarks: documents',
    '',
    'Written by `npm run bench:documents`; do not edit it.',
    '',
    `${cores} cores, Node ${process.versions.node}, ${sizes.rounds} interleaved rounds, medians with the least and the greatest. Speed is per second of CPU, whatever else the`,
    'machine did meanwhile; ours is that of a process that has read before, as a worker has, and that of a program holds its start, as it',
    `costs whoever calls it. Memory is resident, at its peak. Beside ours: ${await peers()}.`,
    '',
    ...pdfLines(figures.pdfs),
    ...officeLines(figures.office),
    ...recallLines(figures.recall),
    ...scanLines(figures.scans),
    ...fileLines(figures.files),
    ...pipelineLines(figures.pipeline),
  ];
  return lines.join('\n');
}

async function peers(): Promise<string> {
  const found = await Promise.all([versionOf('pdftotext', '-v'), versionOf('tesseract', '--version')]);
  const named = found.map(
    (version, index) => version ?? `${['pdftotext', 'tesseract'][index]} (not installed: ${HOW_TO_INSTALL})`,
  );
  return [...named, 'mammoth and @e965/xlsx of npm'].join(', ');
}

const percent = (value: number) => value.toFixed(3);
const perSecond = ({ units, cpuMs }: Reading) => (units * 1000) / cpuMs;

function pdfLines(readings: readonly Reading[]): string[] {
  if (readings.length === 0) return [];
  return [
    '## PDF',
    '',
    'Pages of A4 with 48 rows: prose, and tables of five columns. The last column is the median over the rounds of ours divided by each.',
    '',
    '| file | reader | pages per second of CPU | word recall | peak, MiB | ours, of this |',
    '|---|---|---|---|---|---|',
    ...rows(readings),
    '',
    'The goal is half the speed of `pdftotext` at a recall of 0.99. Almost all of our time is spent in PDF.js, which finds out where each',
    'letter stands; sorting letters into rows, columns and tables takes 3 to 5 % of it (docs/decisions/where-the-time-of-a-pdf-goes.md).',
    '',
  ];
}

function officeLines(readings: readonly Reading[]): string[] {
  if (readings.length === 0) return [];
  return [
    '## Word and Excel',
    '',
    'Our reader of Word files stands on mammoth, and finds tables and the places of words beside it. That of workbooks is our own.',
    '',
    '| file | reader | paragraphs or rows per second of CPU | word recall | peak, MiB | ours, of this |',
    '|---|---|---|---|---|---|',
    ...rows(readings),
    '',
  ];
}

function rows(readings: readonly Reading[]): string[] {
  const files = [...new Set(readings.map(({ file }) => file))];
  return files.flatMap((file) => {
    const here = readings.filter((reading) => reading.file === file);
    const readers = [...new Set(here.map(({ reader }) => reader))];
    const speeds = (reader: string) => here.filter((one) => one.reader === reader).map(perSecond);
    return readers.map((reader) => {
      const mine = here.filter((one) => one.reader === reader);
      const ratios = speeds('Longshore').map((ours, round) => ours / speeds(reader)[round]!);
      const peak = Math.max(...mine.map((one) => one.peak));
      const ratio = reader === 'Longshore' ? '' : median(ratios).toFixed(2);
      return `| ${file} | ${reader} | ${spread(speeds(reader))} | ${percent(mine[0]!.recall)} | ${peak.toFixed(0)} | ${ratio} |`;
    });
  });
}

function recallLines(found: readonly Found[]): string[] {
  if (found.length === 0) return [];
  return [
    '## Word recall by format',
    '',
    'The part of the words of a file that is in the text that was read. Files of the tests are compared with what `pdftotext -layout` finds in them, except',
    'where their original is known. The message of Outlook (msg) is one that another program wrote, with what was given to it.',
    '',
    '| file | word recall | against |',
    '|---|---|---|',
    ...found.map(({ name, recall, against }) => `| ${name} | ${percent(recall)} | ${against} |`),
    '',
  ];
}

function scanLines(scans: ScanFigures | null): string[] {
  if (scans === null) return [];
  const { tesseract: peer } = scans;
  const speed = (cpuMs: number) => (1000 / cpuMs).toFixed(2);
  return [
    '## Recognition',
    '',
    'Pages of A4 with 16 lines, drawn with 300 dots per inch in grey, each recognised in an execution of its own: ours holds the claim, the report, and the',
    'start of a thread and of the recogniser.',
    '',
    '| reader | pages per second of CPU | word recall | peak, MiB |',
    '|---|---|---|---|',
    `| Longshore, the whole worker | ${speed(scans.cpuMs)} | ${percent(scans.recall)} | ${scans.peak.toFixed(0)} |`,
    ...(peer === null
      ? []
      : [
          `| tesseract, one thread | ${speed(peer.cpuMs)} | ${percent(peer.recall)} | ${peer.peak.toFixed(0)} |`,
          '',
          `Ours has ${(peer.cpuMs / scans.cpuMs).toFixed(2)} of the speed of \`tesseract\`.`,
        ]),
    '',
    'Memory of the worker, resident, while they pass one after the other:',
    '',
    ...memoryRows(scans.memory),
  ];
}

function fileLines(files: readonly MemoryAfter[]): string[] {
  if (files.length === 0) return [];
  return [
    '## Memory while files pass',
    '',
    'Files of all the formats above, through one file worker with four at a time, MiB resident:',
    '',
    ...memoryRows(files),
    `After the last it has ${ratioOf(files.map(({ collected }) => collected))} of what it had at the first look, when it was warm.`,
    '',
  ];
}

/** What there is at last as a multiple of what there was at first. */
const ratioOf = (memory: readonly number[]) => (memory.at(-1)! / memory[0]!).toFixed(2);

function memoryRows(memory: readonly MemoryAfter[]): string[] {
  return [
    '| after files | as it is | after collecting garbage |',
    '|---|---|---|',
    ...memory.map(
      ({ files, resident, collected }) => `| ${files} | ${resident.toFixed(0)} | ${collected.toFixed(0)} |`,
    ),
    '',
  ];
}

function pipelineLines(pipeline: PipelineFigures | null): string[] {
  if (pipeline === null) return [];
  const { files, seconds, memory } = pipeline;
  const names = [...memory.at(-1)!.byName.keys()].sort();
  return [
    '## Pipelines from folder to folder',
    '',
    `${files.toLocaleString('en')} small text files, read, structured and delivered, by ${seconds.length} new pipelines one after the other, in ${seconds.map((each) => each.toFixed(0)).join(', ')} s: ${(files / median(seconds)).toFixed(0)} files`,
    'per second on all cores together. Memory (PSS) of each process in MiB after its garbage was collected, when so many files were delivered, and',
    'the last as a multiple of that after the first pipeline:',
    '',
    `| process | ${memory.map(({ delivered }) => delivered.toLocaleString('en')).join(' | ')} | of the first |`,
    `|---|${memory.map(() => '---|').join('')}---|`,
    ...names.map((name) => {
      const taken = memory.map(({ byName }) => byName.get(name) ?? 0);
      return `| ${name} | ${taken.map((each) => each.toFixed(0)).join(' | ')} | ${ratioOf(taken.slice(1))} |`;
    }),
    '',
  ];
}
