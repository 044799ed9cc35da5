import { parseArgs } from 'node:util';

export const USAGE = `Measures runs of tasks that do nothing beside bare BullMQ on the same server, round by round, and writes docs/benchmarks-runs.md.

  --part NAME          measure this part only (may be given again; nothing is written then): drain, executions, idle, history
  --rounds N           interleaved rounds (5); with fewer than 3 nothing is written
  --runs N             runs of a drain (10000)
  --warm-up N          runs before each drain, on both sides (10000)
  --payload BYTES      size of the input of a run (200)
  --concurrency N      runs that a worker process executes at once (10)
  --parcel N           runs that travel together where they are put into the database (50)
  --executions N       executions of 1 + 20 + 1 runs (500)
  --in-flight N        executions under way at once (50)
  --samples N          samples of each latency at idle (60)
  --rows N             finished runs in the history that is set beside one of 1000 (1000000)
  --no-embedded        leave out the broker on PostgreSQL
  --profile FOLDER     every Node process of the platform writes a CPU profile there
  --help

Examples:
  npm run bench:runs                                             everything; about forty minutes on two cores
  npm run bench:runs -- --part drain --rounds 1                  a quick look at the drain rate
  npm run bench:runs -- --part executions --executions 100 --no-embedded
  npm run bench:runs -- --part history --rows 100000 --runs 2000
  npm run bench:runs -- --part drain --rounds 1 --no-embedded --profile /tmp/profiles
`;

const PARTS = ['drain', 'executions', 'idle', 'history'] as const;
export type Part = (typeof PARTS)[number];

/** What is measured, and how much of it. */
export interface Sizes {
  readonly parts: readonly Part[];
  readonly rounds: number;
  readonly runs: number;
  readonly warmUp: number;
  readonly payload: number;
  readonly concurrency: number;
  readonly parcel: number;
  readonly executions: number;
  readonly inFlight: number;
  readonly samples: number;
  readonly rows: number;
  readonly embedded: boolean;
  readonly profile: string | undefined;
}

const NUMBERS = {
  rounds: 5,
  runs: 10_000,
  'warm-up': 10_000,
  payload: 200,
  concurrency: 10,
  parcel: 50,
  executions: 500,
  'in-flight': 50,
  samples: 60,
  rows: 1_000_000,
} as const;

/** Null when help was asked for. @throws Error that names what is wrong */
export function parseSizes(args: readonly string[]): Sizes | null {
  const numbers = Object.fromEntries(
    Object.keys(NUMBERS).map((name) => [name, { type: 'string' as const }]),
  ) as Record<keyof typeof NUMBERS, { type: 'string' }>;
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...numbers,
      part: { type: 'string', multiple: true },
      'no-embedded': { type: 'boolean' },
      profile: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return null;
  const count = (name: keyof typeof NUMBERS) => positive(name, values[name] ?? String(NUMBERS[name]));
  return {
    parts: (values.part ?? PARTS).map(partNamed),
    rounds: count('rounds'),
    runs: count('runs'),
    warmUp: count('warm-up'),
    payload: count('payload'),
    concurrency: count('concurrency'),
    parcel: Math.min(50, count('parcel')),
    executions: count('executions'),
    inFlight: count('in-flight'),
    samples: count('samples'),
    rows: count('rows'),
    embedded: values['no-embedded'] !== true,
    profile: values.profile,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`--${name} is to be a number above 0, not "${text}"`);
}

function partNamed(name: string): Part {
  const part = PARTS.find((each) => each === name);
  if (part === undefined) throw new Error(`there is no part "${name}"; there are ${PARTS.join(', ')}`);
  return part;
}
