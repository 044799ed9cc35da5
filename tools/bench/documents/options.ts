import { parseArgs } from 'node:util';

export const USAGE = `Measures how fast, how completely and in how much memory documents are read, beside programs that do nothing else, and writes
docs/benchmarks-documents.md. Needs Linux. Beside it, where they are installed: apt install poppler-utils tesseract-ocr

  --part NAME      measure this part only (may be given again; nothing is written then): pdf, office, recall, files, scans, pipeline
  --rounds N       interleaved rounds of pdf and office (3); with fewer than 3 nothing is written
  --pages N        pages of the large PDF (500)
  --files N        files of all formats that pass through one worker (4000)
  --scans N        pages that are recognised one after the other (60)
  --small-files N  files that a pipeline carries from one folder to another (10000)
  --pipelines N    pipelines that do so one after the other (3)
  --help

Examples:
  npm run bench:documents                                     everything; about fifteen minutes on two cores
  npm run bench:documents -- --part pdf --rounds 1 --pages 50
  npm run bench:documents -- --part scans --scans 10
`;

const PARTS = ['pdf', 'office', 'recall', 'files', 'scans', 'pipeline'] as const;
export type Part = (typeof PARTS)[number];

/** What is measured, and how much of it. */
export interface Sizes {
  readonly parts: readonly Part[];
  readonly rounds: number;
  readonly pages: number;
  readonly files: number;
  readonly scans: number;
  readonly smallFiles: number;
  readonly pipelines: number;
}

const NUMBERS = {
  rounds: 3,
  pages: 500,
  files: 4_000,
  scans: 60,
  'small-files': 10_000,
  pipelines: 3,
} as const;

/** Null when help was asked for. @throws Error that names what is wrong */
export function parseSizes(args: readonly string[]): Sizes | null {
  const text = { type: 'string' } as const;
  const numbers = {
    rounds: text,
    pages: text,
    files: text,
    scans: text,
    'small-files': text,
    pipelines: text,
  };
  const { values } = parseArgs({
    args: [...args],
    options: { ...numbers, part: { type: 'string', multiple: true }, help: { type: 'boolean' } },
  });
  if (values.help) return null;
  const count = (name: keyof typeof NUMBERS) => positive(name, values[name] ?? String(NUMBERS[name]));
  return {
    parts: (values.part ?? PARTS).map(partNamed),
    rounds: count('rounds'),
    pages: count('pages'),
    files: count('files'),
    scans: count('scans'),
    smallFiles: count('small-files'),
    pipelines: count('pipelines'),
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`--${name} is to be a number above 0, not "${text}"`);
}

function partNamed(name: string): Part {
  const part = PARTS.find((each) => each === name);
  if (part === undefined) throw new Error(`there is no part "${name}"; there are ${PARTS.join(', ')}`);
  return part;
}
