import type { Command } from 'commander';

/** Adds what commands need that manage a platform. */
export function addAdminConnection(command: Command): Command {
  return addUrl(command).option(
    '--admin-key <key>',
    'admin key (default: LONGSHORE_ADMIN_API_KEY, else that of the home)',
  );
}

/** Adds what commands need that work for one organisation; `keys` says which keys open what they ask for. */
export function addOrganisationConnection(
  command: Command,
  keys = "organisation's key, or an admin key",
): Command {
  return addUrl(command).option(
    '--api-key <key>',
    `${keys} (default: LONGSHORE_API_KEY, else that of the home)`,
  );
}

function addUrl(command: Command): Command {
  return command.option(
    '--url <url>',
    'address of the platform (default: LONGSHORE_URL, else that of the home)',
  );
}
