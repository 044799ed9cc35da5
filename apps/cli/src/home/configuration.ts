import { delimiter, resolve } from 'node:path';
import {
  type Config,
  type ConfigKey,
  loadConfig,
  type LoadOptions,
  type Variable,
  variables,
} from '@longshore/runtime';
import { settingsFolder } from './callers-folder.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that name one path. */
const PATHS = ['LONGSHORE_HOME', 'STORAGE_DIR', 'PRESIGNED_URL_CA_FILE', 'WEBHOOK_CA_FILE', ...secretFiles()];
/** Variables that name several folders. */
const PATH_LISTS = ['TASKS_DIR'];
/** What becomes an absolute path once it is read. */
const FOLDERS: readonly ConfigKey[] = ['longshoreHome', 'storageDir'];

function secretFiles(): string[] {
  return Object.values<Variable>(variables).flatMap(({ env, aliases, secret }) =>
    secret ? [env, ...aliases].map((name) => `${name}_FILE`) : [],
  );
}

/** The environment with paths that stay the same in another working directory. */
export function withAbsolutePaths(env: Environment, cwd: string): NodeJS.ProcessEnv {
  const absolute = (path: string): string => resolve(cwd, path);
  const one = (name: string, change: (text: string) => string): [string, string][] => {
    const text = env[name]?.trim() ?? '';
    return text === '' ? [] : [[name, change(text)]];
  };
  const list = (text: string): string =>
    text
      .split(new RegExp(`[,${delimiter}]`))
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .map(absolute)
      .join(',');
  return {
    ...env,
    ...Object.fromEntries(PATHS.flatMap((name) => one(name, absolute))),
    ...Object.fromEntries(PATH_LISTS.flatMap((name) => one(name, list))),
  };
}

/**
 * Configuration as a command reads it. Paths of the environment are meant from the working directory, those of an `.env` and the
 * defaults from the folder that holds them. Home and file store are absolute.
 * @throws ConfigError
 */
export function configure<const K extends ConfigKey, const O extends ConfigKey = never>(
  keys: readonly K[],
  { env = process.env, cwd = process.cwd(), ...options }: LoadOptions<O> = {},
): Config<K, O> {
  const folder = settingsFolder(env, cwd);
  const config = loadConfig(keys, { ...options, env: withAbsolutePaths(env, cwd), cwd: folder });
  const absolute = Object.entries(config)
    .filter(([key, value]) => FOLDERS.includes(key as ConfigKey) && typeof value === 'string')
    .map(([key, path]) => [key, resolve(folder, path as string)]);
  return Object.freeze({ ...config, ...Object.fromEntries(absolute) }) as Config<K, O>;
}
