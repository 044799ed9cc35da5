import { type ExecuteResponse, type ExecutionDetail, routes, TAG_PATTERN } from '@longshore/contracts';
import { systemClock } from '@longshore/runtime';
import { type Command, InvalidArgumentError } from 'commander';
import { CliError, exitCodes, usageError } from '../cli-error.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { filesNamed } from '../client/submission.ts';
import { postFiles, watchExecution } from '../client/submit.ts';
import { createProgress } from '../output/execution-progress.ts';
import { resultLines } from '../output/result-table.ts';
import type { Terminal } from '../output/terminal.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { given } from './key-options.ts';
import { secondsFrom } from './duration-option.ts';
import { jsonObjectGiven } from './json-option.ts';
import { createLogReader, follow, lineFor } from './logs.ts';

interface SubmitFlags extends ConnectionFlags {
  organisation: string;
  tag?: string;
  customData?: string;
  idempotencyKey?: string;
  includeMetadata?: true;
  includeMetrics?: true;
  includeExtractedText?: true;
  timeout?: number;
  wait?: true;
  follow?: true;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore submit invoices march.pdf april.pdf          prints the execution's id
  longshore submit invoices 'inbox/*.pdf' --wait         waits, shows what was found
  longshore submit invoices march.pdf --wait --json > result.json
  longshore submit invoices march.pdf --tag spring --custom-data '{"customer": 17}'
  longshore submit invoices march.pdf --idempotency-key march --timeout 60
  longshore submit invoices march.pdf --follow           shows what its runs say, too`;

const KEYS = "organisation's or deployment's key";
const LONGEST_TIMEOUT_SECONDS = 300;
const LONGEST_TAG = 50;

/** Adds `longshore submit`. */
export function addSubmit(program: Command, terminal: Terminal): void {
  const command = program
    .command('submit')
    .summary('send files to a deployment')
    .description(
      'Posts files to a deployment. With --wait it shows the progress and what was found in each file. Nothing is sent ' +
        'unless all files can be read.',
    )
    .argument('<api_name>', 'name of the deployment')
    .argument('<files...>', "files to send, 1 to 32, or patterns such as 'inbox/*.pdf'")
    .option('--org, --organisation <name>', 'organisation of the deployment', 'default')
    .option('--tag <tag>', 'tag by which to find it again', checkedTag)
    .option('--custom-data <json>', 'JSON object, or a file with one, to hand to the workflow')
    .option('--idempotency-key <key>', 'sent again with the same key it is accepted only once')
    .option('--include-metadata', 'results tell what is known of each document')
    .option('--include-metrics', 'results tell times and attempts')
    .option('--include-extracted-text', 'results hold the text of each document')
    .option(
      '--timeout <duration>',
      'let the deployment wait for the result, 0s to 5m; this is its one read',
      secondsFrom(0, LONGEST_TIMEOUT_SECONDS),
    )
    .option('--wait', 'wait until the execution has ended; exit code 1 unless it is COMPLETED')
    .option('--follow', 'as --wait, and show what its runs say meanwhile')
    .option('--json', 'print JSON: the id, or with --wait the whole execution')
    .addHelpText('after', EXAMPLES);
  addOrganisationConnection(command, KEYS).action((apiName: string, files: string[], flags: SubmitFlags) =>
    submit(apiName, files, { flags, terminal }),
  );
}

function checkedTag(tag: string): string {
  if (TAG_PATTERN.test(tag) && tag.length <= LONGEST_TAG) return tag;
  throw new InvalidArgumentError(
    'A tag is a letter, then letters, digits, "_" or "-"; at most 50 characters.',
  );
}

interface SubmitContext {
  readonly flags: SubmitFlags;
  readonly terminal: Terminal;
}

async function submit(apiName: string, named: readonly string[], context: SubmitContext): Promise<void> {
  const { flags, terminal } = context;
  const waits = flags.wait === true || flags.follow === true;
  if (waits && flags.timeout !== undefined)
    throw usageError('--timeout lets the deployment wait, --wait and --follow wait here: give one of them.');
  const fields = fieldsOf(flags);
  const files = await filesNamed(named);
  const client = connect('organisation', flags);
  const { organisation, idempotencyKey } = flags;
  const answer = await postFiles(client, { organisation, apiName, files, fields, idempotencyKey });
  const id = answer.execution_id;
  if (flags.follow) await tellLogs(id, { client, terminal });
  if (waits)
    return await waitFor(id, { client, flags, terminal, withText: flags.includeExtractedText === true });
  if (flags.timeout !== undefined) return showAnswer(answer, context);
  terminal.out(flags.json ? JSON.stringify({ execution_id: id }) : id);
}

function fieldsOf(flags: SubmitFlags): Record<string, string> {
  const yes = (flag: true | undefined): string | undefined => (flag ? 'true' : undefined);
  const { customData, tag, timeout } = flags;
  return given({
    tags: tag,
    timeout: timeout === undefined ? undefined : String(timeout),
    custom_data: customData === undefined ? undefined : JSON.stringify(jsonObjectGiven(customData)),
    include_metadata: yes(flags.includeMetadata),
    include_metrics: yes(flags.includeMetrics),
    include_extracted_text: yes(flags.includeExtractedText),
  });
}

/** On standard error: the result alone goes to standard output. */
async function tellLogs(id: string, { client, terminal }: { client: PlatformClient; terminal: Terminal }) {
  const tell = createLogReader(client, id, {});
  await follow(tell, (lines) => lines.forEach((line) => terminal.err(lineFor(line))), systemClock);
}

/** What the deployment itself answered within its time-out. Throws CliError unless that is COMPLETED. */
function showAnswer(answer: ExecuteResponse['message'], { flags, terminal }: SubmitContext): void {
  const { execution_id: id, execution_status: status, result, error } = answer;
  const hasEnded = status !== 'PENDING' && status !== 'EXECUTING';
  if (flags.json) terminal.out(JSON.stringify(answer));
  else if (!hasEnded) terminal.out(id);
  else resultLines({ result, error, status, skipped: null }, terminal).forEach(terminal.out);
  if (!hasEnded) {
    throw new CliError(`Execution ${id} goes on: it had not ended within ${flags.timeout} s.`, {
      exitCode: exitCodes.unfinished,
    });
  }
  if (status !== 'COMPLETED') throw endedOtherwise({ execution_id: id, status, error }, flags);
  if (result === null && error !== null) terminal.err(error);
}

interface WaitContext {
  client: PlatformClient;
  flags: { json?: true };
  terminal: Terminal;
  /** Whether the results are to hold the texts of the documents. */
  withText?: boolean;
}

/** Shows how an execution goes on and what it found. Throws CliError unless it is COMPLETED. */
export async function waitFor(executionId: string, context: WaitContext): Promise<void> {
  const { client, flags, terminal, withText = false } = context;
  const onProgress = createProgress(terminal);
  const ended = await watchExecution(executionId, { client, clock: systemClock, onProgress });
  const detail = withText ? await readWithText(client, executionId) : ended;
  const lines = flags.json ? [JSON.stringify(detail)] : resultLines(detail, terminal);
  lines.forEach(terminal.out);
  if (detail.status !== 'COMPLETED') throw endedOtherwise(detail, flags);
}

function readWithText(client: PlatformClient, id: string): Promise<ExecutionDetail> {
  return client.call(routes.execution, { params: { id }, query: { include_extracted_text: 'true' } });
}

function endedOtherwise(
  { execution_id: id, status, error }: Pick<ExecutionDetail, 'execution_id' | 'status' | 'error'>,
  { json }: { json?: true },
): CliError {
  const reason = json ? `: ${error ?? 'no reason given'}` : ', as told above.';
  return new CliError(`Execution ${id} ended as ${status}${reason}`);
}
