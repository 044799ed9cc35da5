import { parseArgs } from 'node:util';

export const USAGE = `Measures single tasks as clients of the HTTP API see them, on Redis, with bare BullMQ beside them where it does the same, and writes
docs/benchmarks-tasks.md. Every count is verified: what does not add up ends the measurement.

  --part NAME          measure this part only (may be given again; nothing is written then): idle, submit, priorities, schedules, logs
  --rounds N           interleaved rounds (3); with fewer than 3 nothing is written
  --samples N          samples of each latency at idle (100)
  --submits N          tasks that are submitted one by one (3000)
  --tasks N            tasks that are submitted in bulk, and tasks of mixed priorities (10000)
  --bulk N             tasks of one bulk request, at most 1000 (1000)
  --clients N          clients that submit one by one side by side (20)
  --warm-up N          tasks before each measurement (5000)
  --schedules N        schedules that are due in one minute (10000)
  --lines N            lines that a task says to its listeners, at most 10000 (10000)
  --listeners N        listeners (10)
  --payload BYTES      size of the input of a task (200)
  --concurrency N      tasks that the worker executes at once (10)
  --profile FOLDER     every Node process of the platform writes a CPU profile there
  --help

Examples:
  npm run bench:tasks                                            everything; about half an hour on two cores
  npm run bench:tasks -- --part idle --rounds 1                  a quick look at the latency
  npm run bench:tasks -- --part submit --part priorities --rounds 1 --tasks 2000 --submits 500
  npm run bench:tasks -- --part schedules --schedules 1000
  npm run bench:tasks -- --part logs --rounds 1 --lines 2000 --listeners 3
`;

const PARTS = ['idle', 'submit', 'priorities', 'schedules', 'logs'] as const;
export type Part = (typeof PARTS)[number];

/** What is measured, and how much of it. */
export interface Sizes {
  readonly parts: readonly Part[];
  readonly rounds: number;
  readonly samples: number;
  readonly submits: number;
  readonly tasks: number;
  readonly bulk: number;
  readonly clients: number;
  readonly warmUp: number;
  readonly schedules: number;
  readonly lines: number;
  readonly listeners: number;
  readonly payload: number;
  readonly concurrency: number;
  readonly profile: string | undefined;
}

const NUMBERS = {
  rounds: 3,
  samples: 100,
  submits: 3_000,
  tasks: 10_000,
  bulk: 1_000,
  clients: 20,
  'warm-up': 5_000,
  schedules: 10_000,
  lines: 10_000,
  listeners: 10,
  payload: 200,
  concurrency: 10,
} as const;
type Count = keyof typeof NUMBERS;

/** More the API does not take. */
const MOST: Partial<Record<Count, number>> = { bulk: 1_000, lines: 10_000 };

/** Null when help was asked for. @throws Error that names what is wrong */
export function parseSizes(args: readonly string[]): Sizes | null {
  const numbers = Object.fromEntries(
    Object.keys(NUMBERS).map((name) => [name, { type: 'string' as const }]),
  ) as Record<Count, { type: 'string' }>;
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...numbers,
      part: { type: 'string', multiple: true },
      profile: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return null;
  const count = (name: Count) => countOf(name, values[name] ?? String(NUMBERS[name]));
  return {
    parts: (values.part ?? PARTS).map(partNamed),
    rounds: count('rounds'),
    samples: count('samples'),
    submits: count('submits'),
    tasks: count('tasks'),
    bulk: count('bulk'),
    clients: count('clients'),
    warmUp: count('warm-up'),
    schedules: count('schedules'),
    lines: count('lines'),
    listeners: count('listeners'),
    payload: count('payload'),
    concurrency: count('concurrency'),
    profile: values.profile,
  };
}

function countOf(name: Count, text: string): number {
  const value = Number(text);
  const most = MOST[name] ?? Number.MAX_SAFE_INTEGER;
  if (Number.isInteger(value) && value > 0 && value <= most) return value;
  const upTo = MOST[name] === undefined ? '' : ` and up to ${most}`;
  throw new Error(`--${name} is to be a number above 0${upTo}, not "${text}"`);
}

function partNamed(name: string): Part {
  const part = PARTS.find((each) => each === name);
  if (part === undefined) throw new Error(`there is no part "${name}"; there are ${PARTS.join(', ')}`);
  return part;
}
