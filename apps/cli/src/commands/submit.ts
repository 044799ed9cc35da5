import { type ExecuteResponse, TAG_PATTERN } from '@longshore/contracts';
import { type Command, InvalidArgumentError } from 'commander';
import { CliError, exitCodes, usageError } from '../cli-error.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import { filesNamed } from '../client/submission.ts';
import { hasEnded, postFiles } from '../client/submit.ts';
import { resultLines } from '../output/result-table.ts';
import type { Terminal } from '../output/terminal.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { given } from './key-options.ts';
import { secondsFrom } from './duration-option.ts';
import { jsonObjectGiven } from './json-option.ts';
import { concludeExecution, waitFor } from './wait-for-execution.ts';

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
      'Posts files to a deployment. With --wait it shows the progress and what was found in each file, and outlasts a platform that does ' +
        'not answer for up to a minute. Nothing is sent unless all files can be read.',
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
    .option(
      '--wait',
      'wait until the execution has ended; exit code 1 unless it is COMPLETED and no file failed',
    )
    .option('--follow', "as --wait, and show what its runs say meanwhile, with an organisation's key")
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
  if (waits) {
    const acceptedBy = { org: organisation, api_name: apiName };
    return await waitFor(answer, { acceptedBy, client, ...context });
  }
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

/** What the deployment itself answered within its time-out. @throws CliError unless that is COMPLETED, with every file */
function showAnswer(answer: ExecuteResponse['message'], { flags, terminal }: SubmitContext): void {
  const { execution_id: id, execution_status: status, result, error } = answer;
  if (flags.json) terminal.out(JSON.stringify(answer));
  else if (!hasEnded(status)) terminal.out(id);
  else resultLines({ result, error, status, skipped: null }, terminal).forEach(terminal.out);
  if (!hasEnded(status)) {
    throw new CliError(`Execution ${id} goes on: it had not ended within ${flags.timeout} s.`, {
      exitCode: exitCodes.unfinished,
    });
  }
  if (status === 'COMPLETED' && result === null && error !== null) terminal.err(error);
  else concludeExecution({ execution_id: id, status, result, error }, flags);
}
