import type { IdleFigures, LoadFigures } from './measure.ts';
import { median, quantile, spread } from './statistics.ts';

export interface RoundFigures extends IdleFigures, LoadFigures {
  readonly readyMs: number;
}

export interface FlowFigures {
  readonly perSecond: number;
  readonly idle: readonly number[];
}

/** One entry a round. */
export interface Figures {
  readonly embedded: RoundFigures[];
  readonly redis: RoundFigures[];
  readonly flow: FlowFigures[];
}

export interface Conditions {
  readonly cores: number;
  readonly inFlight: number;
  readonly executions: number;
  readonly concurrency: number;
}

/** The page `docs/benchmarks.md`. */
export function report(figures: Figures, conditions: Conditions): string {
  return `# Benchmarks

Written by \`npm run bench\`. ${conditions.cores} cores, Node ${process.versions.node}, everything on loopback and sharing the cores with the load
generator; ${figures.flow.length} interleaved rounds, medians (minimum–maximum). Machines differ: read the ratios.

An execution is 20 one-page text files posted in one request, planned, read and structured by file runs of their own, finished by the callback worker, and
answered to the waiting client: 22 runs, uploads and results durable on disk. The peer is a BullMQ flow of 20 no-ops and a parent on the same Redis, without files,
HTTP, database or results. Worker concurrency ${conditions.concurrency}, \`max_parallel_files\` 20, ${conditions.inFlight} in flight, ${conditions.executions} executions a round.

| | embedded (PostgreSQL broker) | Redis + PostgreSQL | BullMQ flow of no-ops |
|---|---|---|---|
| executions per second, ${conditions.inFlight} in flight | ${perSecond(figures.embedded)} | ${perSecond(figures.redis)} | ${perSecond(figures.flow)} |
| of the flow in the same round | ${ratio(figures.embedded, figures)} | ${ratio(figures.redis, figures)} | 1 |
| one execution at idle, p50 ms | ${idle(figures.embedded, 0.5)} | ${idle(figures.redis, 0.5)} | ${idle(figures.flow, 0.5)} |
| one execution at idle, p95 ms | ${idle(figures.embedded, 0.95)} | ${idle(figures.redis, 0.95)} | ${idle(figures.flow, 0.95)} |
| \`longshore up --json\` to ready, ms | ${spread(figures.embedded.map((each) => each.readyMs))} | ${spread(figures.redis.map((each) => each.readyMs))} | |
| HTTP calls per run | ${each(figures.embedded, 'httpCallsPerRun')} | ${each(figures.redis, 'httpCallsPerRun')} | |
| SQL statements per run | ${each(figures.embedded, 'statementsPerRun')} | ${each(figures.redis, 'statementsPerRun')} | |
| share of HOT updates of \`runs\` | ${each(figures.embedded, 'hotShare')} | ${each(figures.redis, 'hotShare')} | |

CPU of one execution, and memory (PSS) of the processes right after the start, medians:

${table(figures)}
`;
}

function perSecond(rounds: readonly { perSecond: number }[]): string {
  return spread(rounds.map((round) => round.perSecond));
}

function ratio(rounds: readonly { perSecond: number }[], { flow }: Figures): string {
  return spread(
    rounds.map((round, index) => round.perSecond / flow[index]!.perSecond),
    2,
  );
}

function idle(rounds: readonly { idle: readonly number[] }[], share: number): string {
  return spread(
    rounds.map((round) => quantile(round.idle, share)),
    1,
  );
}

function each(
  rounds: readonly RoundFigures[],
  key: 'httpCallsPerRun' | 'statementsPerRun' | 'hotShare',
): string {
  return spread(
    rounds.map((round) => round[key]),
    2,
  );
}

function table({ embedded, redis }: Figures): string {
  const names = [...new Set([...embedded, ...redis].flatMap((round) => [...round.memory.keys()]))].sort();
  const rows = names.map((name) => {
    const cpu = (rounds: readonly RoundFigures[]) =>
      median(rounds.map((round) => round.cpuPerExecution.get(name) ?? 0)).toFixed(1);
    const memory = median(embedded.map((round) => round.memory.get(name) ?? 0)).toFixed(0);
    return `| ${name} | ${cpu(embedded)} | ${cpu(redis)} | ${memory} |`;
  });
  return ['| process | CPU ms, embedded | CPU ms, Redis | memory, MiB |', '|---|---|---|---|', ...rows].join(
    '\n',
  );
}
