import type { Variable } from './variable.ts';
import { variables } from './variables.ts';

const all = Object.values<Variable>(variables);

const INTRODUCTION = `# Configuration

Every process reads its configuration from the environment, checks all of it before it does anything else, and refuses
to start when something is wrong: one message names every wrong and every missing variable, what is wrong with it and
what is allowed.

- A file \`.env\` in the working directory is read too; by the command \`longshore\` else the one beside its home. The environment goes before it.
- An empty variable counts as not set.
- A variable marked **secret** can also be given as a file, which is what Docker and Kubernetes secrets are: set
  \`NAME_FILE\` to its path instead of \`NAME\`. Its value is never shown, neither in messages nor in logs.
- Aliases are understood when the variable itself is not set.
- A name that is nearly that of a variable (\`TASK_DIR\`) is told when a process starts, and by \`longshore doctor\`; nothing is refused for it, since
  the environment holds variables of other programs too.
- "Required" means: a process that reads the variable does not start without it. \`longshore up\` makes what is missing
  itself and hands it to the processes it starts.

\`sample.env\` holds all of them, ready to be copied to \`.env\`. That file and this page are written from the table in
\`libs/shared/runtime/src/config\` by \`node libs/shared/runtime/src/config/write-docs.ts\`.
`;

const SAMPLE_HEAD = `# All variables that Longshore reads. Copy this file to .env and change what you need: each line shows a default,
# and does nothing until its # is removed. Secrets can be given as files: NAME_FILE=/path/to/the/secret.
# The same in a table: docs/configuration.md
`;

function fallbackCell({ fallback }: Variable): string {
  if (fallback === 'required') return '**required**';
  if (fallback === 'optional' || fallback.text === '') return 'not set';
  return `\`${fallback.text}\``;
}

function helpCell({ help, secret, aliases }: Variable): string {
  const names = aliases.map((alias) => `\`${alias}\``).join(', ');
  return [help, secret ? '**Secret.**' : '', names === '' ? '' : `Aliases: ${names}.`]
    .filter(Boolean)
    .join(' ');
}

const HEAD = ['Variable', 'Default', 'Allowed', 'Read by', 'What it does'];

function rowOf(variable: Variable): string[] {
  const { env, range, readBy } = variable;
  const cells = [`\`${env}\``, fallbackCell(variable), range, readBy.join(', '), helpCell(variable)];
  return cells.map((cell) => cell.replaceAll('|', '\\|'));
}

/** Columns as wide as their widest cell, as the formatter of the repository wants them. */
function table(head: readonly string[], rows: readonly string[][]): string[] {
  const widths = head.map((cell, column) =>
    Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}

/** The page `docs/configuration.md`. */
export function configurationPage(): string {
  return [INTRODUCTION, ...table(HEAD, all.map(rowOf)), ''].join('\n');
}

function sampleEntry(variable: Variable): string {
  const { env, range, readBy, fallback, secret } = variable;
  const marks = [fallback === 'required' ? 'required' : '', secret ? 'secret' : ''].filter(Boolean);
  const value = typeof fallback === 'string' ? '' : fallback.text.replace(/<([A-Z_]+)>/g, defaultOf);
  return [
    `# ${helpCell(variable).replaceAll(/[`*]/g, '')}`,
    `# Allowed: ${range}. Read by: ${readBy.join(', ')}.${marks.length > 0 ? ` (${marks.join(', ')})` : ''}`,
    `#${env}=${/\s/.test(value) ? `"${value}"` : value}`,
    '',
  ].join('\n');
}

function defaultOf(_whole: string, name: string): string {
  const other = all.find(({ env }) => env === name);
  return other === undefined || typeof other.fallback === 'string' ? '' : other.fallback.text;
}

/** The file `sample.env`. */
export function sampleEnv(): string {
  return [SAMPLE_HEAD, ...all.map(sampleEntry)].join('\n');
}
