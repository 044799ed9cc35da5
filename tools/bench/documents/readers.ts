import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../src/run-steps.ts';
import { knownFiles } from './make-formats.ts';
import { wordFile, workbook } from './make-office.ts';
import { type KnownFile, prosePdf, tablePdf } from './make-pdf.ts';
import type { Sizes } from './options.ts';
import { type Cost, costOf, isInstalled } from './program.ts';
import { recall } from './words.ts';

const run = promisify(execFile);
const LIBRARY = join(root, 'libs/documents/src/index.ts');
/** `pdftotext` itself divides words of these files: they are compared with what was written. */
const ORIGINALS: Readonly<Record<string, string>> = {
  'right-to-left.pdf': `חשבונית מספר 7421
סך הכול לתשלום 1,250 ש״ח
تاريخ الفاتورة 12/03/2026
المجموع المستحق 450 درهم`,
};
/** A message of Outlook by another program, and all words that were put into it and into what is attached to it. */
const MESSAGE_FILE = 'libs/documents/src/fixtures/files/message.msg';
const MESSAGE_TEXT = `Jörg Fähre joerg@harbour.example Anna a@b.example Office office@b.example Rechnung für März – №7
Berth and days as agreed. Item Qty Rope 2 Invoice No: M-77
Berth,Days North,3 South,4
Quayside Chandlery Invoice No: QC-2026-0117 Invoice date: 1 March 2026 Customer: Harbour Lights Ltd Paid: No
Description Qty Unit price Amount Mooring rope 24 mm 6 48.90 293.40 Fender, cylindrical 12 55.00 660.00
Deck paint, grey 10 33.00 330.00 Total due 1,283.40`;
const FIXTURES = ['libs/documents/src/fixtures/files', 'samples'];

/** One round of one reader at one file; `pages` stands for rows and paragraphs elsewhere. */
export interface Reading extends Cost {
  readonly file: string;
  readonly units: number;
  readonly reader: string;
  readonly recall: number;
}

interface Passes {
  readonly warmUp: number;
  readonly passes: number;
}

/** Reads a file with a reader of ours or of npm, in a process of its own. */
async function readHere(folder: string, reader: string, file: KnownFile, { warmUp, passes }: Passes) {
  const textFile = join(folder, 'text.out');
  const numbers = [String(warmUp), String(passes)];
  const path = join(folder, file.name);
  const script = join(import.meta.dirname, 'reader-process.ts');
  const { stdout } = await run(process.execPath, [script, reader, LIBRARY, path, ...numbers, textFile]);
  const found = await readFile(textFile, 'utf8');
  return { ...(JSON.parse(stdout) as Cost), recall: recall(file.text, found) };
}

/** Reads a PDF with `pdftotext`. */
async function readByPoppler(folder: string, options: readonly string[], file: KnownFile, times: number) {
  const textFile = join(folder, 'text.out');
  const cost = await costOf('pdftotext', [...options, join(folder, file.name), textFile], times);
  return { ...cost, recall: recall(file.text, await readFile(textFile, 'utf8')) };
}

/** One round of the PDFs. */
export async function measurePdfs(folder: string, { pages }: Sizes): Promise<Reading[]> {
  const readings: Reading[] = [];
  const poppler = await isInstalled('pdftotext');
  const files = [
    { units: 10, file: await prosePdf(10) },
    { units: 10, file: await tablePdf(10) },
    { units: pages, file: await prosePdf(pages) },
  ];
  for (const { units, file } of files) {
    await writeFile(join(folder, file.name), file.bytes);
    const often = units < 100;
    const note = (reader: string, taken: Cost & { recall: number }) =>
      readings.push({ file: file.name, units, reader, ...taken });
    const passes = often ? { warmUp: 40, passes: 40 } : { warmUp: 1, passes: 1 };
    note('Longshore', await readHere(folder, 'ours', file, passes));
    if (!poppler) continue;
    note('pdftotext', await readByPoppler(folder, [], file, often ? 40 : 2));
    note('pdftotext -layout', await readByPoppler(folder, ['-layout'], file, often ? 40 : 2));
  }
  return readings;
}

/** One round of Word files and workbooks. */
export async function measureOffice(folder: string): Promise<Reading[]> {
  const readings: Reading[] = [];
  const files = [
    { units: 100, peer: 'mammoth', file: await wordFile(100) },
    { units: 2_000, peer: 'mammoth', file: await wordFile(2_000) },
    { units: 1_000, peer: 'xlsx', file: workbook(1_000) },
    { units: 20_000, peer: 'xlsx', file: workbook(20_000) },
  ];
  for (const { units, peer, file } of files) {
    await writeFile(join(folder, file.name), file.bytes);
    const passes = units > 1_000 ? { warmUp: 1, passes: 2 } : { warmUp: 10, passes: 10 };
    for (const [reader, name] of [
      ['ours', 'Longshore'],
      [peer, peer],
    ] as const) {
      const taken = await readHere(folder, reader, file, passes);
      readings.push({ file: file.name, units, reader: name, ...taken });
    }
  }
  return readings;
}

/** What part of its words is found in a file. */
export interface Found {
  readonly name: string;
  readonly recall: number;
  /** What its words are compared with. */
  readonly against: 'original' | 'pdftotext -layout';
}

/** Word recall of all formats, and of PDFs by other programs against what `pdftotext -layout` finds in them. */
export async function measureRecall(folder: string): Promise<Found[]> {
  const found: Found[] = [];
  for (const file of await knownFiles()) {
    await writeFile(join(folder, file.name), file.bytes);
    const taken = await readHere(folder, 'ours', file, { warmUp: 0, passes: 1 });
    found.push({ name: file.name, recall: taken.recall, against: 'original' });
  }
  found.push(await messageRecall(folder));
  if (!(await isInstalled('pdftotext'))) return found;
  for (const path of await fixturePdfs()) {
    const { stdout: text } = await run('pdftotext', ['-layout', path, '-']).catch(() => ({ stdout: '' }));
    if (text.trim() === '') continue;
    const name = basename(path);
    const original = ORIGINALS[name];
    const file = { name, text: original ?? text, bytes: await readFile(path) };
    await writeFile(join(folder, name), file.bytes);
    const taken = await readHere(folder, 'ours', file, { warmUp: 0, passes: 1 });
    found.push({
      name,
      recall: taken.recall,
      against: original === undefined ? 'pdftotext -layout' : 'original',
    });
  }
  return found;
}

/** It cannot be written here, so it is one that another program wrote, of known words. */
async function messageRecall(folder: string): Promise<Found> {
  const file = {
    name: basename(MESSAGE_FILE),
    text: MESSAGE_TEXT,
    bytes: await readFile(join(root, MESSAGE_FILE)),
  };
  await writeFile(join(folder, file.name), file.bytes);
  const { recall: part } = await readHere(folder, 'ours', file, { warmUp: 0, passes: 1 });
  return { name: file.name, recall: part, against: 'original' };
}

async function fixturePdfs(): Promise<string[]> {
  const folders = FIXTURES.map(async (folder) =>
    (await readdir(join(root, folder)))
      .filter((name) => name.endsWith('.pdf'))
      .map((name) => join(root, folder, name)),
  );
  return (await Promise.all(folders)).flat();
}
