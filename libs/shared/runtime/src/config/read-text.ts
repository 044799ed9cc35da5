import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ConfigProblem } from './config-error.ts';
import type { EnvLayer } from './env-layers.ts';
import { reasonOf } from './env-layers.ts';
import type { Variable } from './variable.ts';

/** The text of a variable and the name it was found under. */
export interface Found {
  readonly name: string;
  readonly text: string;
}

export interface TextSource {
  layers: readonly EnvLayer[];
  cwd: string;
  report: (problem: ConfigProblem) => void;
}

/** An empty variable counts as not set: that is what `${NAME:-}` in a Compose file leaves behind. */
function valueIn(layer: EnvLayer, name: string): string | undefined {
  const text = layer[name]?.trim();
  return text === '' ? undefined : text;
}

function readSecretFile(name: string, path: string, { cwd, report }: TextSource): Found | 'unreadable' {
  try {
    const text = readFileSync(resolve(cwd, path), 'utf8').trim();
    if (text !== '') return { name, text };
    report({ name, problem: 'names a file that is empty' });
  } catch (error) {
    report({ name, problem: `names a file that cannot be read (${reasonOf(error)})` });
  }
  return 'unreadable';
}

/**
 * The text of a variable: in the first layer that has it, under its own name before its aliases, a secret also
 * through `NAME_FILE`. `unreadable` when it is set but cannot be had; the reason is then reported.
 */
export function readText(variable: Variable, source: TextSource): Found | 'unreadable' | undefined {
  for (const layer of source.layers) {
    for (const name of [variable.env, ...variable.aliases]) {
      const text = valueIn(layer, name);
      const path = variable.secret ? valueIn(layer, `${name}_FILE`) : undefined;
      if (text !== undefined && path !== undefined) {
        source.report({ name, problem: `is set, and so is ${name}_FILE: only one of them may be` });
        return 'unreadable';
      }
      if (text !== undefined) return { name, text };
      if (path !== undefined) return readSecretFile(`${name}_FILE`, path, source);
    }
  }
  return undefined;
}
