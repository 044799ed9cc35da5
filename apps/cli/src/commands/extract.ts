import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { WorkflowDefinition } from '@longshore/contracts';
import { OCR_CONFIG_KEYS, recognitionMeans } from '@longshore/recognition';
import { ConfigError, loadConfig } from '@longshore/runtime';
import type { Command } from 'commander';
import { readApplyFile } from '../apply/read-apply-file.ts';
import { CliError, exitCodes, usageError } from '../cli-error.ts';
import { filesNamed } from '../client/submission.ts';
import {
  createExtractor,
  DEFAULT_EXTRACT_LIMITS,
  ExtractError,
  type Extractor,
} from '../extract/extractor.ts';
import { extractionAsJson, type FileExtraction } from '../extract/file-extraction.ts';
import type { ExtractRequest, ExtractThreadData } from '../extract/messages.ts';
import { extractionLines } from '../output/extraction-lines.ts';
import { oneLine } from '../output/table.ts';
import type { Terminal } from '../output/terminal.ts';
import { jsonObjectGiven } from './json-option.ts';
import { wholeNumber } from './number-option.ts';

interface ExtractFlags {
  workflow?: string;
  name?: string;
  customData?: string;
  languages?: string;
  timeout: number;
  layout?: true;
  text?: true;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore extract march.pdf -w samples/invoices.yaml            what is found, where, and what is not
  longshore extract 'inbox/*.pdf' -w workflows.yaml --name invoices --json
  longshore extract march.pdf --text                              the text as it is read
  longshore extract march.pdf --text --layout                     the same, with its columns
  longshore extract scan.pdf --text --languages eng,deu           text in pictures too, in these languages
  longshore extract march.pdf -w invoices.yaml --custom-data '{"currency": "EUR"}'`;

const MOST_FILES = 1000;
/** As much as a file of a request may have. */
const MOST_BYTES = 100 * 1024 * 1024;

/** Adds `longshore extract`. */
export function addExtract(program: Command, terminal: Terminal): void {
  program
    .command('extract')
    .summary('try a workflow on files, without a platform')
    .description(
      'Reads files here and shows what a workflow finds in them: each value with its original text, its place and its ' +
        'score, and for each field that is not found the reason. Text in pictures and scans is recognised. Nothing is sent or stored, and no platform is needed. ' +
        'Exit code 6 when something required is missing or wrong, 1 when a file cannot be read.',
    )
    .argument('<files...>', "files to read, or patterns such as 'inbox/*.pdf'")
    .option('-w, --workflow <file>', 'YAML file with the workflow, "-" for standard input')
    .option('--name <workflow>', 'which workflow, where the file has several')
    .option('--custom-data <json>', 'JSON object, or a file with one, as a request would bring it')
    .option('--text', 'print the text that is read, and look for nothing')
    .option('--layout', 'keep the columns of pages in the text')
    .option(
      '--languages <codes>',
      'languages of text in pictures, such as eng,deu (default: OCR_LANGUAGES, or eng)',
    )
    .option(
      '--timeout <seconds>',
      'time for one file, without that of recognising text',
      wholeNumber,
      DEFAULT_EXTRACT_LIMITS.maxMs / 1000,
    )
    .option('--json', 'print what was found as JSON, a list with an object for each file')
    .addHelpText('after', EXAMPLES)
    .action((files: string[], flags: ExtractFlags) => extract(files, flags, terminal));
}

async function extract(given: readonly string[], flags: ExtractFlags, terminal: Terminal): Promise<void> {
  const definition = await definitionGiven(flags);
  const customData = flags.customData === undefined ? null : jsonObjectGiven(flags.customData);
  const files = await filesNamed(given, { most: MOST_FILES, consequence: 'Nothing was read' });
  let reading = '';
  const extractor = createExtractor(
    { ...DEFAULT_EXTRACT_LIMITS, maxMs: flags.timeout * 1000 },
    {
      ...recognitionGiven(flags),
      onRecognising: (page) => terminal.status(`${oneLine(reading)}: recognising the text of page ${page}`),
    },
  );
  const asked = { definition, customData, layout: flags.layout === true };
  const results: FileExtraction[] = [];
  try {
    for (const [index, file] of files.entries()) {
      reading = file;
      const result = await extractFile(extractor, file, asked);
      terminal.status('');
      if (flags.json !== true)
        tell(result, { terminal, textOnly: definition === undefined, index, of: files.length });
      // Of many files only what is told at the end is kept.
      results.push(flags.json === true ? result : { file, status: result.status });
    }
  } finally {
    await extractor.close();
  }
  if (flags.json === true) terminal.out(JSON.stringify(results.map(extractionAsJson), null, 2));
  failUnlessComplete(results);
}

/** How text is recognised: as a worker with this configuration does. @throws CliError */
function recognitionGiven({
  languages,
}: ExtractFlags): Pick<ExtractThreadData, 'ocr' | 'maxRecognisedPages'> {
  const env = languages === undefined ? process.env : { ...process.env, OCR_LANGUAGES: languages };
  try {
    const { ocr, limits } = recognitionMeans(loadConfig(OCR_CONFIG_KEYS, { env }));
    return { ocr, maxRecognisedPages: limits?.maxRecognisedPages };
  } catch (error) {
    if (error instanceof ConfigError) throw usageError(error.message);
    throw error;
  }
}

/** The workflow that is tried; undefined where only the text is wanted. @throws CliError */
async function definitionGiven({
  workflow,
  name,
  text,
}: ExtractFlags): Promise<WorkflowDefinition | undefined> {
  if (text === true) return undefined;
  if (workflow === undefined)
    throw usageError('Name the file with the workflow with -w, or ask for the text alone with --text.');
  const { documents } = await readApplyFile(workflow, '-w');
  const workflows = documents.flatMap((document) => (document.kind === 'workflow' ? [document] : []));
  const named = workflows.filter((each) => name === undefined || each.name === name);
  const names = workflows.map((each) => each.name).join(', ') || 'none';
  if (named.length === 0)
    throw usageError(`${workflow} has no workflow${name === undefined ? '' : ` ${name}`}; it has ${names}.`);
  if (named.length > 1)
    throw usageError(`${workflow} has several workflows: choose with --name from ${names}.`);
  const [{ steps, output_schema } = { steps: [], output_schema: undefined }] = named;
  return { steps, ...(output_schema !== undefined && { output_schema }) };
}

async function extractFile(
  extractor: Extractor,
  file: string,
  asked: Pick<ExtractRequest, 'definition' | 'customData' | 'layout'>,
): Promise<FileExtraction> {
  try {
    const { size } = await stat(file);
    if (size > MOST_BYTES)
      throw new ExtractError('too_large', `The file has ${size} bytes; at most ${MOST_BYTES} are allowed.`);
    const extracted = await extractor.run({ ...asked, name: basename(file), bytes: await readFile(file) });
    const problems = extracted.explanation?.problems ?? [];
    const isComplete = problems.every(({ outcome }) => outcome !== 'fail');
    return { file, status: isComplete ? 'complete' : 'incomplete', extracted };
  } catch (error) {
    if (!(error instanceof ExtractError)) throw error;
    return { file, status: 'unreadable', error: { reason: error.reason, message: error.message } };
  }
}

function tell(
  { file, extracted, error }: FileExtraction,
  { terminal, textOnly, index, of }: { terminal: Terminal; textOnly: boolean; index: number; of: number },
): void {
  if (error !== undefined) terminal.err(`${oneLine(file)}: ${oneLine(error.message)}`);
  if (extracted === undefined) return;
  if (index > 0) terminal.out('');
  if (!textOnly) return extractionLines(file, extracted, terminal.columns).forEach(terminal.out);
  if (of > 1) terminal.out(`==> ${oneLine(file)} <==`);
  // What a document holds must not steer the terminal of whoever reads it; in a file it stays as it is.
  const isTerminal = terminal.columns !== undefined;
  terminal.out(isTerminal ? extracted.text.replaceAll(/[^\P{Cc}\n\t]/gu, '') : extracted.text);
}

/** @throws CliError with the exit code that tells a file that cannot be read from one that lacks something */
function failUnlessComplete(results: readonly FileExtraction[]): void {
  const of = (status: FileExtraction['status']) => results.filter((one) => one.status === status).length;
  const [unreadable, incomplete] = [of('unreadable'), of('incomplete')];
  if (unreadable > 0) throw new CliError(`${capital(countOf(unreadable, results))} could not be read.`);
  if (incomplete === 0) return;
  const message = `In ${countOf(incomplete, results)} something required is missing or wrong.`;
  throw new CliError(message, { exitCode: exitCodes.incomplete });
}

function countOf(count: number, all: readonly unknown[]): string {
  return all.length === 1 ? 'the file' : `${count} of ${all.length} files`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
