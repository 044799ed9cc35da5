import { writeFileSync } from 'node:fs';
import { type ExecutionDetail, type FileResult, routes } from '@longshore/contracts';
import { systemClock } from '@longshore/runtime';
import type { Command } from 'commander';
import { CliError, exitCodes } from '../cli-error.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { watchExecution } from '../client/submit.ts';
import { createPatientClient } from '../client/until-answered.ts';
import { createProgress } from '../output/execution-progress.ts';
import { resultLines } from '../output/result-table.ts';
import type { Terminal } from '../output/terminal.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { executionId } from './id-argument.ts';

interface ResultFlags extends ConnectionFlags {
  output?: string;
  file?: string;
  text?: true;
  wait?: true;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore result 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e
  longshore result 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e -o march.json
  longshore result 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e --file march.pdf       what was found in it, as JSON
  longshore result 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e --file march.pdf --text
  longshore result "$(longshore submit invoices march.pdf)" --wait --json`;

/** Adds `longshore result`. */
export function addResult(program: Command, terminal: Terminal): void {
  const command = program
    .command('result')
    .summary('show what an execution found')
    .description(
      'Reads the result of an execution, as often as wanted: it does not count as the one read of a deployment. ' +
        'Exit code 1 unless the execution is COMPLETED.',
    )
    .argument('<execution_id>', 'an execution that has ended', executionId)
    .option('-o, --output <file>', 'file to write, which is replaced: JSON, or with --text the text')
    .option('--file <name>', 'only of this file of the request')
    .option('--text', 'the text that was read from the documents instead of what was found in it')
    .option('--wait', 'wait until the execution has ended')
    .option('--json', 'print the results as JSON, with metadata and metrics')
    .addHelpText('after', EXAMPLES);
  addOrganisationConnection(command).action((id: string, flags: ResultFlags) => result(id, flags, terminal));
}

async function result(id: string, flags: ResultFlags, terminal: Terminal): Promise<void> {
  const client = clientFor(id, flags, terminal);
  if (flags.wait)
    await watchExecution(id, { client, clock: systemClock, onProgress: createProgress(terminal) });
  const detail = await readResult(client, id, flags.text === true);
  const results = resultsOf(detail, flags.file);
  if (flags.output !== undefined) writeResult(flags.output, { results, flags, terminal });
  else linesFor(detail, results, { flags, terminal }).forEach(terminal.out);
  if (detail.status !== 'COMPLETED') throw endedOtherwise(detail);
}

/** Whoever waits outlasts a platform that starts anew. */
function clientFor(id: string, flags: ResultFlags, terminal: Terminal): PlatformClient {
  const client = connect('organisation', flags);
  if (!flags.wait) return client;
  const advice = `go on with "longshore result ${id} --wait"`;
  return createPatientClient(client, { clock: systemClock, tell: terminal.err, advice });
}

/** @throws CliError for an execution that has no result to show */
async function readResult(client: PlatformClient, id: string, withText: boolean): Promise<ExecutionDetail> {
  const query: Record<string, string> = withText ? { include_extracted_text: 'true' } : {};
  const detail = await client.call(routes.execution, { params: { id }, query });
  if (detail.status === 'PENDING' || detail.status === 'EXECUTING')
    throw new CliError(`Execution ${id} has not ended (${detail.status}): ask again, or with --wait.`, {
      exitCode: exitCodes.unfinished,
    });
  if (detail.result_expired)
    throw new CliError(`The result of execution ${id} was removed: it was kept as long as it should be.`);
  if (detail.result === null) throw endedOtherwise(detail);
  return detail;
}

function endedOtherwise({ execution_id: id, status, error }: ExecutionDetail): CliError {
  return new CliError(`Execution ${id} ended as ${status}${error === null ? '' : `: ${error}`}`);
}

/** @throws CliError that names the files there are */
function resultsOf({ result }: ExecutionDetail, file: string | undefined): FileResult[] {
  const results = result ?? [];
  if (file === undefined) return results;
  const found = results.filter((one) => one.file === file);
  if (found.length > 0) return found;
  const names = [...new Set(results.map((one) => one.file))];
  throw new CliError(`The execution has no file ${file}; it has ${names.join(', ') || 'none'}.`);
}

interface Writing {
  readonly results: readonly FileResult[];
  readonly flags: ResultFlags;
  readonly terminal: Terminal;
}

function writeResult(path: string, { results, flags, terminal }: Writing): void {
  const text = flags.text ? textOf(results) : JSON.stringify(results, null, 2);
  try {
    writeFileSync(path, `${text.replace(/\n$/, '')}\n`);
  } catch (error) {
    throw new CliError(`${path} cannot be written: ${(error as Error).message}`, { cause: error });
  }
  terminal.err(`Wrote ${results.length} ${results.length === 1 ? 'result' : 'results'} to ${path}.`);
}

function linesFor(
  detail: ExecutionDetail,
  results: readonly FileResult[],
  { flags, terminal }: { flags: ResultFlags; terminal: Terminal },
): string[] {
  if (flags.text) return [textOf(results)];
  if (flags.json) return [JSON.stringify(results)];
  if (flags.file === undefined) return resultLines(detail, terminal);
  return results.map(({ file, result, error }) => {
    if (result === null) throw new CliError(`${file} has no result: ${error ?? 'no reason given'}`);
    return JSON.stringify(result.output, null, 2);
  });
}

/** The texts one after the other, each under its name where there are several. @throws CliError when there is none */
function textOf(results: readonly FileResult[]): string {
  const texts = results.filter(({ extracted_text: text }) => text !== undefined);
  if (texts.length === 0) {
    const reasons = results.map(({ file, error }) => `${file}: ${error ?? 'no text is kept'}`);
    throw new CliError(`There is no text (${reasons.join('; ')}).`);
  }
  if (texts.length === 1) return texts[0]!.extracted_text!;
  return texts.map(({ file, extracted_text: text }) => `==> ${file} <==\n${text}`).join('\n\n');
}
