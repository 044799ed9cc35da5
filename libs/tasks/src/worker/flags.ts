import { parseArgs } from 'node:util';
import { ConfigError } from '@longshore/runtime';
import { autoscaleVariable } from './own-variables.ts';

/** What the command line says, as the environment variables that it goes before. */
export interface Flags {
  readonly help: boolean;
  readonly version: boolean;
  readonly env: Readonly<Record<string, string>>;
  /** Which of them said how many runs at once: the other way to say it does not count then, wherever it stands. */
  readonly chose?: 'concurrency' | 'autoscale';
}

/** The variables that carry the name of a worker. */
export interface OwnVariables {
  readonly healthPort: string;
  readonly autoscale: string;
}

const OPTIONS = {
  queues: { type: 'string', short: 'q' },
  concurrency: { type: 'string', short: 'c' },
  autoscale: { type: 'string' },
  port: { type: 'string', short: 'p' },
  'log-level': { type: 'string', short: 'l' },
  name: { type: 'string', short: 'n' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
} as const;

/** Reads the flags of a worker. @throws {ConfigError} for one that it does not know */
export function parseFlags(argv: readonly string[], own: OwnVariables): Flags {
  const { queues, concurrency, autoscale, port, 'log-level': level, name, ...asked } = parsed(argv);
  const { help = false, version = false } = asked;
  if (concurrency !== undefined && autoscale !== undefined) {
    throw new ConfigError([
      { name: 'The command line', problem: 'has both -c and --autoscale', allowed: 'one of them' },
    ]);
  }
  const given = {
    TASK_QUEUES: queues,
    WORKER_CONCURRENCY: concurrency,
    [own.autoscale]: autoscale,
    [own.healthPort]: port,
    LOG_LEVEL: level,
    WORKER_NAME: name,
  };
  const env = Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const chose = concurrency !== undefined ? 'concurrency' : autoscale !== undefined ? 'autoscale' : undefined;
  return { help, version, env: Object.fromEntries(env), ...(chose && { chose }) };
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

export interface HelpFacts {
  readonly name: string;
  readonly queues: readonly string[];
  readonly concurrency: number;
  readonly minConcurrency: number;
  readonly healthPort: number;
}

/** What `--help` shows. */
export function helpText({ name, queues, concurrency, minConcurrency, healthPort }: HelpFacts): string {
  const usual = minConcurrency < concurrency ? `--autoscale ${concurrency},${minConcurrency}` : concurrency;
  return `The ${name} worker of Longshore.

  -q, --queues <a,b>       queues to drain, strictly in this order (TASK_QUEUES, QUEUE_NAME; default ${queues.join(',')})
  -c, --concurrency <n>    runs at once, 1 to 1000 (WORKER_CONCURRENCY; default ${usual})
      --autoscale <x,n>    up to x runs at once while work waits, n when idle (${autoscaleVariable(name)})
  -p, --port <port>        port of the health server (default ${healthPort}, or the next free one)
  -l, --log-level <level>  DEBUG, INFO, WARNING or ERROR (LOG_LEVEL; default INFO)
  -n, --name <name>        name of this process (WORKER_NAME; default made from the host's name)
  -V, --version            the release that it belongs to
  -h, --help

WORKER_COUNT=<n> (1 to 20) runs n such processes that share one health server, and starts again those that die.

It needs BROKER_URL, INTERNAL_API_BASE_URL and INTERNAL_SERVICE_API_KEY, from the environment, from .env, or from
<LONGSHORE_HOME>/dev/${name}.env, which \`longshore up\` writes; with --without ${name} it starts none of its own.

Exit codes: 0 when it was told to stop, 1 after a failure, 86 when a run did not end within its hard limit and the
process wants to be started anew.

Examples:
  npx nx serve ${name}
  node apps/${name}/src/main.ts -c 8 -l DEBUG
  node apps/${name}/src/main.ts -q ${queues.at(-1)} -p ${healthPort + 20} -n ${name}-2
`;
}
