import { parseArgs } from 'node:util';
import { RELEASE } from '@longshore/contracts';
import { ConfigError, type Variable, variables } from '@longshore/runtime';

const OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
} as const;

/** What the backend is asked to do. */
export type Command =
  { readonly kind: 'serve' | 'migrate' | 'reseal' } | { readonly kind: 'print'; readonly text: string };

/** Reads the command line. @throws {ConfigError} for what it does not know */
export function commandOf(argv: readonly string[]): Command {
  const { values, positionals } = parsed(argv);
  if (values.help) return { kind: 'print', text: helpText() };
  if (values.version) return { kind: 'print', text: `${RELEASE}\n` };
  const [word, ...others] = positionals;
  if (word === undefined) return { kind: 'serve' };
  if ((word === 'migrate' || word === 'reseal') && others.length === 0) return { kind: word };
  throw wrong(`Unexpected argument '${others[0] ?? word}'`);
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: true });
  } catch (error) {
    const [reason] = (error as Error).message.split('. ');
    throw wrong(reason!);
  }
}

function wrong(reason: string): ConfigError {
  return new ConfigError([
    { name: 'The command line', problem: `is wrong: ${reason}`, allowed: 'see --help' },
  ]);
}

function helpText(): string {
  const read = Object.values<Variable>(variables).filter(({ readBy }) => readBy.includes('backend'));
  const widest = Math.max(...read.map(({ env }) => env.length));
  const lines = read.map(
    (variable) => `  ${variable.env.padEnd(widest)}  ${variable.help} (${fallbackOf(variable)})`,
  );
  return `The backend of Longshore: owns the database, serves the public and the internal API, hands work to the workers.

  migrate        bring the database to this release, and end; a backend that starts does that too
  reseal         seal every stored secret by the first of ENCRYPTION_KEYS, and end; backends may run meanwhile
  -V, --version  the release that it belongs to
  -h, --help

It is configured by environment variables, from the environment or from .env; secrets also by NAME_FILE:
${lines.join('\n')}

Exit codes: 0 when it was told to stop or has done what it was asked, 1 when it could not start, failed, or did not stop in time. SIGTERM and SIGINT
stop it in order.

Examples:
  npx nx serve backend
  DATABASE_URL=postgres://longshore@db/longshore BROKER_URL=redis://redis node apps/backend/src/main.ts
`;
}

function fallbackOf({ fallback }: Variable): string {
  if (fallback === 'required') return 'required';
  return fallback === 'optional' || fallback.text === '' ? 'not set' : `default ${fallback.text}`;
}
