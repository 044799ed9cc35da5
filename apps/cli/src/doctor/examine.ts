import { ApiError, coreWorkerNames, routes } from '@longshore/contracts';
import { ConfigError } from '@longshore/runtime';
import { CliError, exitCodes } from '../cli-error.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import { readKeys } from '../client/keys.ts';
import { createPlatformClient, type PlatformClient } from '../client/platform-client.ts';
import { findCredentials } from '../home/credentials.ts';
import type { Home } from '../home/home.ts';
import { readInstance, runningInstance } from '../home/instance.ts';
import { loadSettings, type PlatformSettings } from '../platform/settings.ts';
import { checkExpiry } from './check-expiry.ts';
import { checkHealth } from './check-health.ts';
import { checkKeys } from './check-keys.ts';
import { checkMachine } from './check-machine.ts';
import { checkPlatform } from './check-platform.ts';
import { explicitHealthPorts } from './check-ports.ts';
import { checkServers } from './check-servers.ts';
import { settingsSource } from '../home/settings-source.ts';
import { type Finding, note, ok, wrong } from './finding.ts';

/** All findings about this machine and its home, and about the platform that the flags, else the home, name. */
export async function examine(flags: ConnectionFlags, env = process.env): Promise<Finding[]> {
  const settings = settingsOf(env);
  if (settings instanceof Error) return [configurationFinding(settings)];
  const isElsewhere = flags.url !== undefined || env['LONGSHORE_URL'] !== undefined;
  const machine = isElsewhere ? [] : await examineMachine(settings, env);
  const platform = await examinePlatform(flags, env);
  if (platform === 'absent') return [...machine, ...(await checkServers(settings)), absence(settings.home)];
  // A platform that did not answer would not answer to the keys either.
  const isReached = platform.some(({ state }) => state === 'ok');
  return [...machine, ...platform, ...(isReached ? await keyFindings(settings.home, isElsewhere) : [])];
}

async function examineMachine(settings: PlatformSettings, env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const facts = { ...settings, healthPorts: explicitHealthPorts(env) };
  return [...configurationFindings(env), ...(await checkMachine(facts))];
}

/** Whoever stops in order takes the record of the platform away. */
function absence(home: Home): Finding {
  return readInstance(home) === undefined
    ? note(
        'platform',
        'nothing runs from this home',
        'Start it with "longshore up"; then more can be looked at.',
      )
    : wrong(
        'platform',
        'it died without being stopped',
        'Start it with "longshore up": it goes on where it was.',
      );
}

function settingsOf(environment: NodeJS.ProcessEnv): PlatformSettings | Error {
  try {
    return loadSettings(coreWorkerNames, environment);
  } catch (error) {
    if (error instanceof ConfigError || error instanceof CliError) return error;
    throw error;
  }
}

function configurationFinding(error: Error): Finding {
  const mend = 'Correct it in the environment or in .env; docs/configuration.md lists all variables.';
  return wrong('configuration', error.message.replace(/\s*\n\s*/g, ' '), mend);
}

function configurationFindings(env: NodeJS.ProcessEnv): Finding[] {
  const source = settingsSource(env);
  const from = source.envFile ?? 'the environment alone';
  const folders = source.taskFolders.length === 0 ? '' : `; task files from ${source.taskFolders.join(', ')}`;
  return [
    ok('configuration', `can be read: ${from}${folders}`),
    ...source.misspelt.map((sentence) =>
      note('configuration', sentence, 'Correct its name, or ignore this if another program reads it.'),
    ),
  ];
}

async function examinePlatform(
  flags: ConnectionFlags,
  env: NodeJS.ProcessEnv,
): Promise<Finding[] | 'absent'> {
  try {
    const client = connect('admin', flags, env);
    const platform = await client.call(routes.platform);
    const ahead = Date.parse(platform.time) - Date.now();
    const [workers, queues] = [await client.call(routes.workers), await client.call(routes.queues)];
    return [
      ok('platform', `answers at ${client.url}`),
      ...checkPlatform(platform, workers, queues),
      ...(await checkHealth(workers, { now: () => Date.now() + ahead })),
      ...checkExpiry(await readKeys(client), Date.parse(platform.time)),
    ];
  } catch (error) {
    return failureToAsk(error, flags, env);
  }
}

/** A platform that does not run is nothing wrong, unless it was named. */
function failureToAsk(error: unknown, flags: ConnectionFlags, env: NodeJS.ProcessEnv): Finding[] | 'absent' {
  if (error instanceof ApiError) return [refusal(error)];
  if (!(error instanceof CliError)) throw error;
  const isNamed = flags.url !== undefined || env['LONGSHORE_URL'] !== undefined;
  const isRunning = runningInstance(loadSettings(coreWorkerNames, env).home) !== undefined;
  if (!isNamed && !isRunning) return 'absent';
  const mend =
    error.exitCode === exitCodes.key
      ? 'The platform tells about itself to an admin key alone.'
      : 'Look into its logs, and whether the address is right.';
  return [wrong('platform', error.message, mend)];
}

function refusal(error: ApiError): Finding {
  if (error.status === 404)
    return wrong('platform', 'its release cannot be examined', 'Use the command of its own release.');
  if (error.status === 401 || error.status === 403) {
    const mend = 'Give a valid admin key with --admin-key or LONGSHORE_ADMIN_API_KEY.';
    return wrong('keys', `the admin key was refused (${error.message})`, mend);
  }
  return wrong(
    'platform',
    `it cannot tell about itself: ${error.message}`,
    'Look into the log of the backend.',
  );
}

async function keyFindings(home: Home, isElsewhere: boolean): Promise<Finding[]> {
  const [credentials, url] = [findCredentials(home), readInstance(home)?.url];
  if (credentials === undefined || url === undefined || isElsewhere) return [];
  const clientWith = (key: string, area = ''): PlatformClient =>
    createPlatformClient({ url: `${url}${area}`, key });
  return await checkKeys({ credentials, clientWith });
}
