import type { z } from 'zod';
import { redactText } from '../logger/redact-text.ts';
import type { ConfigProblem } from './config-error.ts';
import { ConfigError } from './config-error.ts';
import type { EnvLayer } from './env-layers.ts';
import { envLayers } from './env-layers.ts';
import type { Found, TextSource } from './read-text.ts';
import { readText } from './read-text.ts';
import type { Variable } from './variable.ts';
import { variables } from './variables.ts';

type Variables = typeof variables;

/** The keys of all variables. */
export type ConfigKey = keyof Variables;

type ValueOf<K extends ConfigKey> =
  z.output<Variables[K]['schema']> | (Variables[K]['fallback'] extends 'optional' ? undefined : never);

/** A frozen object with just the keys `K`, each with the type of its variable; those in `O` may be absent. */
export type Config<K extends ConfigKey, O extends ConfigKey = never> = {
  readonly [P in K]: ValueOf<P> | (P extends O ? undefined : never);
};

export interface LoadOptions<O extends ConfigKey = never> {
  /** Default `process.env`. */
  env?: EnvLayer;
  /** Where `.env` and relative secret files are looked for. Default: the working directory. */
  cwd?: string;
  /** Files to read instead of `.env`; each must exist. The environment goes before them, earlier ones before later. */
  envFiles?: readonly string[];
  /** Keys that this process can do without although others cannot. */
  optional?: readonly O[];
}

const LONGEST_QUOTE = 80;

/**
 * Reads and checks the variables of `keys`, and no others. A variable that is not set, or empty, has its default.
 * @throws {ConfigError} that lists every wrong and every missing variable at once.
 */
export function loadConfig<const K extends ConfigKey, const O extends ConfigKey = never>(
  keys: readonly K[],
  options: LoadOptions<O> = {},
): Config<K, O> {
  const { env = process.env, cwd = process.cwd(), envFiles, optional = [] } = options;
  const problems: ConfigProblem[] = [];
  const report = (problem: ConfigProblem): void => void problems.push(problem);
  const source = { layers: envLayers({ env, cwd, envFiles, report }), cwd, report };
  const entries = keys.map((key) => {
    const mayLack = (optional as readonly ConfigKey[]).includes(key);
    return [key, valueOf(variables[key], mayLack, source)] as const;
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(Object.fromEntries(entries)) as Config<K, O>;
}

function valueOf(variable: Variable, mayLack: boolean, source: TextSource): unknown {
  const found = readText(variable, source);
  if (found === 'unreadable') return undefined;
  if (found !== undefined) return parse(variable, completed(variable, found, source), source);
  if (variable.fallback === 'required' && !mayLack) {
    const names = [variable.env, ...variable.aliases].join(' or ');
    source.report({ name: names, problem: 'is not set', allowed: variable.range });
  }
  if (typeof variable.fallback === 'string') return undefined;
  const text = expand(variable.fallback.text, source);
  return variable.schema.parse(text);
}

function completed(variable: Variable, found: Found, source: TextSource): Found {
  const text = (variable.complete ?? []).reduce((left, { from, apply }) => {
    const other = readText(variableNamed(from), source);
    return other === undefined || other === 'unreadable' ? left : apply(left, other.text, source.cwd);
  }, found.text);
  return { name: found.name, text };
}

function parse(variable: Variable, found: Found, { report }: TextSource): unknown {
  const result = variable.schema.safeParse(found.text);
  if (result.success) return result.data;
  const problem = result.error.issues.map((issue) => issue.message).join(', ');
  const quoted = redactText(found.text).slice(0, LONGEST_QUOTE);
  const shown = variable.secret ? '' : ` ("${quoted}")`;
  report({ name: found.name, problem: `${problem}${shown}`, allowed: variable.range });
  return undefined;
}

/** Puts the values of other variables into a default: `<LONGSHORE_HOME>/files`. */
function expand(text: string, source: TextSource): string {
  return text.replace(/<([A-Z_]+)>/g, (_whole, name: string) => {
    const other = variableNamed(name);
    const found = readText(other, source);
    if (found !== undefined && found !== 'unreadable') return found.text;
    return typeof other.fallback === 'string' ? '' : other.fallback.text;
  });
}

function variableNamed(name: string): Variable {
  const variable = Object.values<Variable>(variables).find(({ env }) => env === name);
  if (variable === undefined) throw new TypeError(`There is no variable ${name}`);
  return variable;
}
