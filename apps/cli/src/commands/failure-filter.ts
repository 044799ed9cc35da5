import type { Command } from 'commander';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { given, momentOf } from './key-options.ts';

/** Which failures are meant, as the command line says it. */
export interface FailureFilterFlags {
  organisation?: string;
  apiName?: string;
  task?: string;
  since?: string;
  until?: string;
}

/** Adds what narrows failures down, and the connection. */
export function addFailureFilter(command: Command): Command {
  command
    .option('--api-name <name>', 'only of this deployment or pipeline')
    .option('--task <name>', 'only of this task')
    .option('--since <moment>', 'failed from then on: 2h (two hours ago), 2026-05-01, 2026-05-01T12:00:00Z')
    .option('--until <moment>', 'failed before then')
    .option('--org, --organisation <name>', 'of this organisation, with the admin key')
    .option('--admin-key <key>', 'admin key for --organisation (default: as for other commands)');
  return addOrganisationConnection(command);
}

/** An administrator names an organisation; else the key says which one it is. */
export function connectForOrganisation(
  flags: ConnectionFlags & Pick<FailureFilterFlags, 'organisation'>,
): PlatformClient {
  return connect(flags.organisation === undefined ? 'organisation' : 'admin', flags);
}

/** The filter as the API takes it. `now` is the wall clock, milliseconds. @throws CliError for what is no moment */
export function queryOf(
  { organisation, apiName, task, since, until }: FailureFilterFlags,
  now: number,
): Record<string, string> {
  return given({
    ...{ organisation, task, api_name: apiName },
    since: since === undefined ? undefined : momentOf(since, now),
    until: until === undefined ? undefined : momentOf(until, now),
  });
}
