import { median, quantile, spread } from '../statistics.ts';
import type { Costs } from './costs.ts';
import type { DrainRound } from './drain.ts';
import type { ExecutionsRound } from './executions.ts';
import { FEW_ROWS, type HistoryFigures, type HistoryRound } from './history.ts';
import type { IdleRound } from './idle.ts';
import type { Sizes } from './options.ts';
import type { StatementPlan } from './plans.ts';

/** One entry a round in each list; what was not measured is empty. */
export interface RunFigures {
  readonly redis: DrainRound[];
  readonly embedded: DrainRound[];
  readonly executions: ExecutionsRound[];
  readonly idle: IdleRound[];
  readonly history: HistoryRound[];
  readonly plans: StatementPlan[];
}

type Column<Round> = readonly [title: string, rounds: readonly Round[]];

/** The page `docs/benchmarks-runs.md`, of what was measured. */
export function report(figures: RunFigures, sizes: Sizes, cores: number): string {
  const { redis, executions, idle, history } = figures;
  return [
    head(sizes, cores),
    ...(redis.length > 0 ? [drainPart(figures, sizes)] : []),
    ...(executions.length > 0 ? [executionsPart(executions, sizes)] : []),
    ...(idle.length > 0 ? [idlePart(idle)] : []),
    ...(history.length > 0 ? [historyPart(history, sizes), plansPart(figures.plans, sizes)] : []),
  ].join('\n');
}

function head({ rounds, concurrency }: Sizes, cores: number): string {
  return `# Benchmarks of runs

Written by \`npm run bench:runs\`. ${cores} cores, Node ${process.versions.node}, everything on loopback and sharing the cores; ${rounds} interleaved rounds,
medians (minimum–maximum), each beside bare BullMQ on the same server in the same round. Machines differ: read the ratios. Workers execute ${concurrency} runs at
once; tasks do nothing, so all that is measured is what surrounds them: dispatch, message, claim, input check, log line, report, over axios and express into a
PostgreSQL that makes every commit durable. Both sides have warmed up.
`;
}

function drainPart({ redis, embedded }: RunFigures, { runs, payload, parcel }: Sizes): string {
  const columns: Column<DrainRound>[] = [
    ['Redis', redis],
    ...(embedded.length > 0 ? [['embedded (PostgreSQL)', embedded] as const] : []),
  ];
  const row = rowsOf(columns);
  return `## ${grouped(runs)} waiting runs

Inputs of ${payload} bytes, in the database in parcels of ${parcel} before the drain begins; publishing them is part of it. Bare BullMQ has as many jobs in its queue.

${header('', columns)}
${row('runs per second', ({ perSecond }) => perSecond, 0)}
${row('bare BullMQ, jobs per second', ({ peer }) => peer.perSecond, 0)}
${row('of bare BullMQ in the same round', ({ perSecond, peer }) => perSecond / peer.perSecond, 2)}
${row('CPU of the worker for a run, µs', ({ costs }) => cpuOf(costs, 'general') * 1000, 0)}
${row('bare BullMQ, CPU of its worker for a job, µs', ({ peer }) => peer.cpuMicros, 0)}
${costRows(columns, 'run')}

CPU of one run by process, µs:

${cpuTable(
  columns.map(([title, rounds]) => [title, rounds.map(({ costs }) => costs)]),
  1000,
)}
`;
}

function executionsPart(rounds: readonly ExecutionsRound[], { executions, inFlight }: Sizes): string {
  const columns: Column<ExecutionsRound['oneWorker']>[] = [
    ['one worker process', rounds.map(({ oneWorker }) => oneWorker)],
    ['three', rounds.map(({ threeWorkers }) => threeWorkers)],
  ];
  const row = rowsOf(columns);
  const flow = (round: number) => rounds[round]!.flow.perSecond;
  return `## Executions of 1 + 20 + 1 runs

A task that has 20 children, which do nothing, and what follows them, submitted over HTTP and waited for by ${inFlight} clients at once, on Redis; ${grouped(executions)} a round. The peer is a BullMQ flow of 20 jobs and their
parent: ${spread(
    rounds.map((each) => each.flow.perSecond),
    0,
  )} a second.

${header('', columns)}
${row('executions per second', ({ perSecond }) => perSecond, 0)}
${row('of the flow in the same round', ({ perSecond }, round) => perSecond / flow(round), 2)}
${costRows(columns, 'execution')}

CPU of one execution by process, ms:

${cpuTable(
  columns.map(([title, figures]) => [title, figures.map(({ costs }) => costs)]),
  1,
)}
`;
}

function idlePart(rounds: readonly IdleRound[]): string {
  const line = (what: string, times: (round: IdleRound) => readonly number[] | undefined) => {
    const known = rounds.flatMap((round) => times(round) ?? []);
    if (known.length === 0) return [];
    const at = (share: number) =>
      spread(
        rounds.map((round) => quantile(times(round)!, share)),
        1,
      );
    return [`| ${what} | ${at(0.5)} | ${at(0.95)} |`];
  };
  return `## At idle

One at a time, nothing else under way, ms. A run: from before it is submitted over HTTP until its handler is called. An execution: from before it is submitted until the
client that waits for it has its result.

| | p50 | p95 |
|---|---|---|
${[
  ...line('run to handler, Redis', ({ redis }) => redis.toHandler),
  ...line('job to handler, bare BullMQ on Redis', ({ bullmq }) => bullmq.idle),
  ...line('run to handler, embedded', ({ embedded }) => embedded?.toHandler),
  ...line('job to handler, bare BullMQ on PostgreSQL', ({ bullmqOnPostgres }) => bullmqOnPostgres?.idle),
  ...line('execution of 1 + 20 + 1, Redis', ({ redis }) => redis.execution),
  ...line('BullMQ flow of 20 + 1', ({ flow }) => flow.idle),
  ...line('execution of 1 + 20 + 1, embedded', ({ embedded }) => embedded?.execution),
].join('\n')}

One idle execution takes ${spread(
    rounds.map(({ redis, flow }) => quantile(redis.execution, 0.5) / quantile(flow.idle, 0.5)),
    1,
  )} × what the flow takes in the same round.
`;
}

function historyPart(rounds: readonly HistoryRound[], { rows, runs }: Sizes): string {
  const columns: Column<HistoryFigures>[] = [
    [`${grouped(FEW_ROWS)} finished runs`, rounds.map(({ few }) => few)],
    [`${grouped(rows)} finished runs`, rounds.map(({ many }) => many)],
  ];
  const row = rowsOf(columns);
  const cpu = (costs: Costs) => [...costs.cpu.values()].reduce((sum, ms) => sum + ms, 0) * 1000;
  return `## With history

The same drain of ${grouped(runs)} runs on Redis, on databases that hold finished runs, all in the partition that new ones go to: by one backend and one worker; then by two backends with a worker
each, while \`vacuum\` of the tables that runs are written to runs again and again.

${header('', columns)}
${row('runs per second, one backend', ({ alone }) => alone.perSecond, 0)}
${row('CPU of a run, all processes, µs', ({ alone }) => cpu(alone.costs), 0)}
${row('CPU of a run, PostgreSQL, µs', ({ alone }) => cpuOf(alone.costs, 'postgresql') * 1000, 0)}
${row('write-ahead log of a run, bytes', ({ alone }) => alone.costs.walBytes, 0)}
${row('share of HOT updates of `runs`', ({ alone }) => alone.costs.hotShare, 3)}
${row('runs per second, two backends beside vacuum', ({ besideVacuum }) => besideVacuum.perSecond, 0)}
${row('share of HOT updates of `runs`, beside vacuum', ({ besideVacuum }) => besideVacuum.costs.hotShare, 3)}
${row('times that all was vacuumed meanwhile', ({ vacuums }) => vacuums, 0)}
`;
}

function plansPart(plans: readonly StatementPlan[], { rows }: Sizes): string {
  const whole = [...new Set(plans.flatMap(({ wholeTables }) => wholeTables))];
  const verdict =
    whole.length === 0
      ? 'None reads the whole of a table that grows with history.'
      : `**Read as a whole although they grow with history: ${whole.join(', ')}.**`;
  const lines = plans.map(
    ({ does, times, ms, access, mostRows }) =>
      `| ${does} | ${times} | ${ms.toFixed(2)} | ${access.join(', ') || 'none'} | ${mostRows} |`,
  );
  return `### How the statements are carried out at ${grouped(rows)} rows

As the server wrote them down while it did the work (\`auto_explain\`, with analysis, which slows it), the costliest first. ${verdict}

| statement | times | mean ms | reads | most rows of \`runs\` at once |
|---|---|---|---|---|
${lines.join('\n')}
`;
}

function costRows(columns: readonly Column<{ readonly costs: Costs }>[], unit: string): string {
  const row = rowsOf(columns);
  return [
    row(`HTTP calls per ${unit}`, ({ costs }) => costs.httpCalls, 3),
    row(`SQL statements per ${unit}`, ({ costs }) => costs.statements, 3),
    row(`write-ahead log per ${unit}, bytes`, ({ costs }) => costs.walBytes, 0),
    row('share of HOT updates of `runs`', ({ costs }) => costs.hotShare, 3),
  ].join('\n');
}

function cpuTable(columns: readonly Column<Costs>[], factor: number): string {
  const names = [...new Set(columns.flatMap(([, all]) => all.flatMap(({ cpu }) => [...cpu.keys()])))].sort();
  const lines = names.map((name) => {
    const cells = columns.map(([, all]) =>
      (median(all.map((costs) => cpuOf(costs, name))) * factor).toFixed(factor === 1 ? 2 : 0),
    );
    return `| ${name} | ${cells.join(' | ')} |`;
  });
  return [header('process', columns), ...lines].join('\n');
}

function cpuOf(costs: Costs, name: string): number {
  return costs.cpu.get(name) ?? 0;
}

function header(first: string, columns: readonly Column<unknown>[]): string {
  return `| ${[first, ...columns.map(([title]) => title)].join(' | ')} |\n|${'---|'.repeat(columns.length + 1)}`;
}

/** Makes rows of a table: a figure of each round, for each column. */
function rowsOf<Round>(columns: readonly Column<Round>[]) {
  return (what: string, figure: (of: Round, round: number) => number, digits: number): string => {
    const cells = columns.map(([, rounds]) => spread(rounds.map(figure), digits));
    return `| ${what} | ${cells.join(' | ')} |`;
  };
}

function grouped(value: number): string {
  return value.toLocaleString('en');
}
