import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import type { ConfigProblem } from './config-error.ts';

/** One source of variables; earlier layers win. */
export type EnvLayer = Readonly<Record<string, string | undefined>>;

const DEFAULT_ENV_FILE = '.env';

export interface LayerSources {
  env: EnvLayer;
  cwd: string;
  envFiles: readonly string[] | undefined;
  report: (problem: ConfigProblem) => void;
}

/** The environment first, then each file in its order. Only the default file may be absent. */
export function envLayers({ env, cwd, envFiles, report }: LayerSources): EnvLayer[] {
  const files = envFiles ?? [DEFAULT_ENV_FILE];
  const layers = files.map((file) => {
    try {
      return parseEnv(readFileSync(resolve(cwd, file), 'utf8'));
    } catch (error) {
      const absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!absent || envFiles !== undefined)
        report({ name: file, problem: `cannot be read: ${reasonOf(error)}` });
      return {};
    }
  });
  return [env, ...layers];
}

/** What the system says, without the path and without anything that was read. */
export function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown reason';
}
