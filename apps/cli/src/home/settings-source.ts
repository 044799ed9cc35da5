import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { misspeltVariables } from '@longshore/runtime';
import { settingsFolder } from './callers-folder.ts';
import { configure } from './configuration.ts';

/** Where settings come from, beside the environment. Absolute paths. */
export interface SettingsSource {
  /** The folder whose `.env` counts. */
  readonly folder: string;
  /** Undefined: there is none. */
  readonly envFile: string | undefined;
  /** The folders with task files. */
  readonly taskFolders: readonly string[];
  /** One sentence for each variable that is probably misspelt. */
  readonly misspelt: readonly string[];
}

/** Finds out what is read from here. @throws ConfigError */
export function settingsSource(env = process.env, cwd = process.cwd()): SettingsSource {
  const folder = settingsFolder(env, cwd);
  const file = join(folder, '.env');
  const { taskFolders } = configure(['taskFolders'], { env, cwd });
  return {
    folder,
    envFile: existsSync(file) ? file : undefined,
    taskFolders: taskFolders.map((path) => resolve(folder, path)),
    misspelt: misspeltVariables({ env, cwd: folder }),
  };
}

/** One sentence for a person. */
export function describeSource({ folder, envFile, taskFolders }: SettingsSource): string {
  const read = envFile ?? `the environment alone, there is no .env in ${folder}`;
  return `Settings: ${read}. Task files: ${taskFolders.join(', ') || 'none'}.`;
}
