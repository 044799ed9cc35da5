import { CliError, exitCodes } from '../cli-error.ts';
import { findCredentials } from '../home/credentials.ts';
import { configure } from '../home/configuration.ts';
import { type Home, homeAt } from '../home/home.ts';
import { isHeld, readInstance, runningInstance } from '../home/instance.ts';
import { createPlatformClient, type PlatformClient } from './platform-client.ts';

/** What a command line may say about the platform to talk to. */
export interface ConnectionFlags {
  url?: string;
  adminKey?: string;
  apiKey?: string;
}

type KeyKind = 'admin' | 'organisation';

const KEY_WORDS = {
  admin: { flag: '--admin-key', variable: 'LONGSHORE_ADMIN_API_KEY', field: 'admin_key' },
  organisation: { flag: '--api-key', variable: 'LONGSHORE_API_KEY', field: 'api_key' },
} as const;

/**
 * A client with a key of this kind. Address and key each come from the flag, else the environment, else from the home. A key
 * of the home is sent to the platform of the home alone: while none is recorded there, whoever listens at its usual address is a
 * stranger.
 *
 * @throws CliError when there is no key, or nothing runs from the home whose key it would be
 */
export function connect(
  kind: KeyKind,
  flags: ConnectionFlags,
  env: NodeJS.ProcessEnv = process.env,
): PlatformClient {
  const config = configure(['longshoreHome', 'longshoreUrl', 'apiKey', 'adminApiKey', 'port'], { env });
  const home = homeAt(config.longshoreHome);
  const ofHome = readInstance(home)?.url;
  const named = flags.url ?? config.longshoreUrl;
  const url = named ?? ofHome ?? `http://127.0.0.1:${config.port}`;
  const given = kind === 'admin' ? (flags.adminKey ?? config.adminApiKey) : (flags.apiKey ?? config.apiKey);
  const key = given ?? (sameOrigin(url, ofHome) ? keyOfHome(home, kind) : undefined);
  if (key === undefined) {
    const isWaiting = named === undefined && ofHome === undefined && keyOfHome(home, kind) !== undefined;
    throw isWaiting ? nothingRuns(home) : noKey(kind, url, home.folder);
  }
  if (!sameOrigin(url, ofHome)) return createPlatformClient({ url, key });
  return createPlatformClient({ url, key, advice: () => adviceFor(home) });
}

const keyOfHome = (home: Home, kind: KeyKind) => findCredentials(home)?.[KEY_WORDS[kind].field];

function nothingRuns(home: Home): CliError {
  const message = isHeld(home)
    ? `The platform of ${home.folder} is starting. Try again in a moment; ${home.logs} says more.`
    : `Nothing runs from ${home.folder}: start it with "longshore up", or name another with --url.`;
  return new CliError(message, { exitCode: exitCodes.unreachable });
}

/** What to do when the platform of this home does not answer: the home knows whether it lives. */
function adviceFor(home: Home): string {
  const running = runningInstance(home);
  if (running !== undefined)
    return (
      `"longshore up" (process ${running.pid}) runs and is starting its backend again. ` +
      `Try again in a moment; ${home.logs} says more.`
    );
  const died = readInstance(home) === undefined ? '' : 'it died without being stopped, ';
  return `${died}start it with "longshore up", or name another with --url.`;
}

function sameOrigin(one: string, other: string | undefined): boolean {
  return (
    other !== undefined &&
    URL.canParse(one) &&
    URL.canParse(other) &&
    new URL(one).origin === new URL(other).origin
  );
}

function noKey(kind: KeyKind, url: string, home: string): CliError {
  if (!URL.canParse(url))
    return new CliError(`"${url}" is not an address: write it as http://host:port.`, {
      exitCode: exitCodes.usage,
    });
  const { flag, variable } = KEY_WORDS[kind];
  return new CliError(
    `There is no ${kind} key for ${url}: give one with ${flag} or ${variable}, or start a platform in ${home} with "longshore up".`,
    { exitCode: exitCodes.key },
  );
}
