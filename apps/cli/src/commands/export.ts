import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { routes } from '@longshore/contracts';
import type { Command } from 'commander';
import { writeApplyFile } from '../apply/write-apply-file.ts';
import { CliError } from '../cli-error.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import type { Terminal } from '../output/terminal.ts';
import { addAdminConnection } from './connection-options.ts';

interface ExportFlags extends ConnectionFlags {
  json?: true;
  output?: string;
  organisation: string;
}

const EXAMPLES = `
Examples:
  longshore export                                 show all workflows, deployments, pipelines and schedules as YAML
  longshore export -o all.yaml                     write them into a file
  longshore export --json                          as the backend tells them, with the version of each
  longshore export --organisation acme | longshore apply -f - --organisation other`;

/** Adds `longshore export`. */
export function addExport(program: Command, terminal: Terminal): void {
  const command = program
    .command('export')
    .summary('write workflows and deployments as YAML')
    .description(
      'Writes all workflows, each in its latest version, and all deployments, pipelines and schedules of an organisation as YAML documents ' +
        'that "longshore apply" accepts again.',
    )
    .option('-o, --output <file>', 'file to write, which is replaced (default: standard output)')
    .option('--org, --organisation <name>', 'organisation to which they belong', 'default')
    .option('--json', "print the backend's answer as JSON; with -o what was written")
    .addHelpText('after', EXAMPLES);
  addAdminConnection(command).action(async (flags: ExportFlags) => {
    const client = connect('admin', flags);
    const answer = await client.call(routes.exportWorkflows, {
      query: { organisation: flags.organisation },
    });
    const { workflows, deployments, pipelines, schedules } = answer;
    const count = workflows.length + deployments.length + pipelines.length + schedules.length;
    if (count === 0) throw new CliError(`The organisation ${flags.organisation} has nothing to export.`);
    if (flags.output === undefined)
      return terminal.out(flags.json ? JSON.stringify(answer) : writeApplyFile(answer).trimEnd());
    writeFileSync(flags.output, writeApplyFile(answer));
    if (flags.json) return terminal.out(JSON.stringify({ file: resolve(flags.output), documents: count }));
    terminal.err(`Wrote ${count} ${count === 1 ? 'document' : 'documents'} to ${flags.output}.`);
  });
}
