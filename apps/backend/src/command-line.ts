import { parseArgs } from 'node:util';
import { RELEASE } from '@longshore/contracts';
import { ConfigError, type Variable, variables } from '@longshore/runtime';

const OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
} as const;

/** What to print instead of starting; undefined when it is to start. @throws {ConfigError} for anything else */
export function answerTo(argv: readonly string[]): string | undefined {
  const { help, version } = parsed(argv);
  if (help) return helpText();
  return version ? `${RELEASE}\n` : undefined;
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true }).values;
  } catch (error) {
    const [reason] = (error as Error).message.split('. ');
    throw new ConfigError([
      { name: 'The command line', problem: `is wrong: ${reason}`, allowed: 'see --help' },
    ]);
  }
}

function helpText(): string {
  const read = Object.values<Variable>(variables).filter(({ readBy }) => readBy.includes('backend'));
  const widest = Math.max(...read.map(({ env }) => env.length));
  const lines = read.map(
    (variable) => `  ${variable.env.padEnd(widest)}  ${variable.help} (${fallbackOf(variable)})`,
  );
  return `The backend of Longshore: owns the database, serves the public and the internal API, hands work to the workers.

  -V, --version  the release that it belongs to
  -h, --help

It is configured by environment variables, from the environment or from .env; secrets also by NAME_FILE:
${lines.join('\n')}

Exit codes: 0 when it was told to stop, 1 when it could not start, failed, or did not stop in time. SIGTERM and SIGINT
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
