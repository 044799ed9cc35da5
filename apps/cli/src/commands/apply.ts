import { ApiError, type ApplyResponse, routes } from '@longshore/contracts';
import type { Command } from 'commander';
import { type ApplyFile, applyFileError, type FileProblem, readApplyFile } from '../apply/read-apply-file.ts';
import { describeChanges } from '../apply/describe-changes.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { addAdminConnection } from './connection-options.ts';
import type { Terminal } from '../output/terminal.ts';

interface ApplyFlags extends ConnectionFlags {
  file: string[];
  organisation: string;
  dryRun: boolean;
  json: boolean;
}

const EXAMPLES = `
Examples:
  longshore apply -f samples/invoices.yaml
  longshore apply -f workflows.yaml -f deployments.yaml --organisation acme
  longshore apply -f invoices.yaml --dry-run         say what would change, and change nothing
  longshore apply -f invoices.yaml --url https://docs.example.org --admin-key "$KEY"
  make-workflow | longshore apply -f -`;

/** Adds `longshore apply`. */
export function addApply(program: Command, terminal: Terminal): void {
  const command = program
    .command('apply')
    .summary('create or change workflows, deployments, pipelines, schedules and credentials')
    .description(
      'Makes what the YAML documents of the files describe, all of it or nothing. ' +
        'A changed workflow gets a new version; executions keep the one they started with.',
    )
    .requiredOption('-f, --file <file>', 'file to apply, "-" for standard input; may be repeated', collect)
    .option('--org, --organisation <name>', 'organisation to which they belong', 'default')
    .option('--dry-run', 'say field by field what would be done, and do nothing', false)
    .option('--json', 'print what became of the documents as JSON', false)
    .addHelpText('after', EXAMPLES);
  addAdminConnection(command).action(async (flags: ApplyFlags) => {
    const files: ApplyFile[] = [];
    for (const name of flags.file) files.push(await readApplyFile(name));
    const { organisation, dryRun } = flags;
    const answer = await applyFiles(files, { client: connect('admin', flags), organisation, dryRun });
    const lines = flags.json ? [JSON.stringify(answer, null, 2)] : describeChanges(answer, { dryRun });
    for (const line of lines) terminal.out(line);
  });
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/**
 * Applies all documents of the files in one transaction, or asks what that would do.
 * Throws CliError that names the place in the file where the backend found a document wrong.
 */
export async function applyFiles(
  files: readonly ApplyFile[],
  {
    client,
    organisation,
    dryRun = false,
  }: { client: PlatformClient; organisation: string; dryRun?: boolean },
): Promise<ApplyResponse> {
  const documents = files.flatMap((file) => file.documents);
  const body = { organisation, documents, ...(dryRun ? { dry_run: true } : {}) };
  try {
    return await client.call(routes.apply, { body });
  } catch (error) {
    throw error instanceof ApiError ? placed(error, files) : error;
  }
}

/** The backend names a wrong part as `documents.2.steps.0`: that is the n-th of all files together. */
function placed(error: ApiError, files: readonly ApplyFile[]): Error {
  const places = files.flatMap((file) => file.documents.map((_document, index) => ({ file, index })));
  for (const { file } of places) {
    const problems = error.errors.flatMap(({ attr, detail }): FileProblem[] => {
      const [root, position, ...path] = (attr ?? '').split('.');
      const place = root === 'documents' ? places[Number(position)] : undefined;
      if (place?.file !== file) return [];
      const steps = path.map((step) => (/^\d+$/.test(step) ? Number(step) : step));
      return [{ ...file.locate(place.index, steps), message: detail }];
    });
    if (problems.length > 0) return applyFileError(file.name, problems);
  }
  return error;
}
