import { ApiError, routes } from '@longshore/contracts';
import type { Command } from 'commander';
import { type ApplyFile, applyFileError, type FileProblem, readApplyFile } from '../apply/read-apply-file.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { addAdminConnection } from './connection-options.ts';
import type { Terminal } from '../output/terminal.ts';

interface ApplyFlags extends ConnectionFlags {
  file: string[];
  org: string;
}

const EXAMPLES = `
Examples:
  longshore apply -f samples/invoices.yaml
  longshore apply -f workflows.yaml -f deployments.yaml --org acme
  longshore apply -f invoices.yaml --url https://docs.example.org --admin-key "$KEY"
  make-workflow | longshore apply -f -`;

/** Adds `longshore apply`. */
export function addApply(program: Command, terminal: Terminal): void {
  const command = program
    .command('apply')
    .summary('create or change workflows and deployments')
    .description(
      'Makes what the YAML documents of the files describe, all of it or nothing. ' +
        'A changed workflow gets a new version; executions keep the one they started with.',
    )
    .requiredOption('-f, --file <file>', 'file to apply, "-" for standard input; may be repeated', collect)
    .option('--org <name>', 'organisation to which they belong', 'default')
    .addHelpText('after', EXAMPLES);
  addAdminConnection(command).action(async (flags: ApplyFlags) => {
    const files = flags.file.map(readApplyFile);
    for (const line of await applyFiles(files, {
      client: connect('admin', flags),
      organisation: flags.org,
    })) {
      terminal.out(line);
    }
  });
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/**
 * Applies all documents of the files in one transaction and says in a line each what became of them.
 * Throws CliError that names the place in the file where the backend found a document wrong.
 */
export async function applyFiles(
  files: readonly ApplyFile[],
  { client, organisation }: { client: PlatformClient; organisation: string },
): Promise<string[]> {
  const documents = files.flatMap((file) => file.documents);
  try {
    const { changes } = await client.call(routes.apply, { body: { organisation, documents } });
    return changes.map(({ kind, name, action, version }) => {
      return `${kind} ${name} ${action}${version === null ? '' : ` (version ${version})`}`;
    });
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
