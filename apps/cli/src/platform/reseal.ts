import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { runningDatabaseUrl } from '@longshore/embedded-postgres';
import { silentLogger } from '@longshore/runtime';
import { CliError } from '../cli-error.ts';
import { holdHome, refuseHalfRestored } from '../home/hold-home.ts';
import { isHeld } from '../home/instance.ts';
import { appArguments } from './app-entry.ts';
import { type Addresses, backendEnvironment } from './child-environment.ts';
import type { PlatformSettings } from './settings.ts';
import { openStorage } from './storage.ts';

type Databases = Pick<Addresses, 'databaseUrl' | 'brokerUrl'>;

/** What the backend says when it is done. */
const DONE = 'Secrets are sealed by the newest key';

/**
 * Seals every stored secret of a platform by the newest of its keys, whether it runs or not, as the backend's own `reseal` does. Answers
 * how many were sealed anew. `cwd`: whose `.env` the backend reads. @throws CliError with what the backend said
 */
export async function resealSecrets(settings: PlatformSettings, cwd: string): Promise<number> {
  return await withDatabases(settings, async (databases) => {
    const given = backendEnvironment(settings, { url: '', port: 0, ...databases });
    // Its log file and its keys belong to the backend that may be running.
    const { LONGSHORE_LOG_DIR: _log, LONGSHORE_BOOTSTRAP_FILE: _keys, ...env } = given;
    const child = spawn(process.execPath, [...appArguments('backend'), 'reseal'], {
      ...{ cwd, env: { ...env, LOG_LEVEL: 'info' } },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit'),
    ]);
    const lines = linesOf(out);
    const done = lines.find(({ message }) => message === DONE);
    if (code === 0 && done !== undefined) return Number(done['sealed']);
    throw new CliError(
      `The secrets were not sealed anew: ${reasonOf(lines) ?? lastOf(err) ?? 'no reason given'}`,
    );
  });
}

/** Those of the settings; else those of the home, whose server is started when nobody runs it. */
async function withDatabases<T>(
  settings: PlatformSettings,
  use: (databases: Databases) => Promise<T>,
): Promise<T> {
  const { home, databaseUrl } = settings;
  if (databaseUrl === undefined && !existsSync(home.postgres)) {
    throw new CliError(
      `There is no platform with a database of its own in ${home.folder}: name its home with LONGSHORE_HOME, or set DATABASE_URL, BROKER_URL and ENCRYPTION_KEYS as its backends have them.`,
    );
  }
  if (databaseUrl === undefined && isHeld(home)) return await use(runningDatabases(settings));
  if (databaseUrl !== undefined) return await use(await openStorage(settings, silentLogger()));
  refuseHalfRestored(home);
  const lock = await holdHome(home);
  try {
    const storage = await openStorage(settings, silentLogger());
    try {
      return await use(storage);
    } finally {
      await storage.stop();
    }
  } finally {
    lock.release();
  }
}

function runningDatabases({ home, brokerUrl }: PlatformSettings): Databases {
  const databaseUrl = runningDatabaseUrl(home.postgres, { name: 'longshore', role: 'longshore' });
  if (databaseUrl === undefined)
    throw new CliError(`The database of ${home.folder} is not ready: try again in a moment.`);
  // It is asked for, and not used.
  return { databaseUrl, brokerUrl: brokerUrl ?? databaseUrl };
}

type Line = Readonly<Record<string, unknown>>;

function linesOf(output: string): Line[] {
  return output.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Line] : []));
}

function reasonOf(lines: readonly Line[]): string | undefined {
  const last = lines.findLast(({ level }) => level === 'error');
  if (last === undefined) return undefined;
  const message = (last['error'] as { message?: string } | undefined)?.message;
  return message ?? String(last['message']);
}

function lastOf(output: string): string | undefined {
  return output.trim().split('\n').at(-1) || undefined;
}
