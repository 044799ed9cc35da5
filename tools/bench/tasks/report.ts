import { median, quantile, spread } from '../statistics.ts';
import { WARM_UP, type IdleRound } from './idle.ts';
import { LINE_BYTES, SAID_EVERY_MS, type HeardFigures, type LogsRound } from './logs.ts';
import type { Sizes } from './options.ts';
import type { MixedFigures, PrioritiesRound } from './priorities.ts';
import type { FiredFigures, SchedulesRound } from './schedules.ts';
import { mostOut } from './stage.ts';
import type { SubmitFigures } from './submit.ts';

/** One entry a round in each list; what was not measured is empty. */
export interface TaskFigures {
  readonly idle: IdleRound[];
  readonly submit: SubmitFigures[][];
  readonly priorities: PrioritiesRound[];
  readonly schedules: SchedulesRound[];
  readonly logs: LogsRound[];
}

/** From submitting to the handler at idle, on Redis. */
const IDLE_GOAL_MS = 8;

/** The page `docs/benchmarks-tasks.md`, of what was measured. */
export function report(figures: TaskFigures, sizes: Sizes, cores: number): string {
  const { idle, submit, priorities, schedules, logs } = figures;
  return [
    head(sizes, cores),
    ...(idle.length > 0 ? [idlePart(idle, sizes)] : []),
    ...(submit.length > 0 ? [submitPart(submit, sizes)] : []),
    ...(priorities.length > 0 ? [prioritiesPart(priorities, sizes)] : []),
    ...(schedules.length > 0 ? [schedulesPart(schedules, sizes)] : []),
    ...(logs.length > 0 ? [logsPart(logs, sizes)] : []),
  ].join('\n');
}

function head({ rounds, concurrency, payload }: Sizes, cores: number): string {
  return `# Benchmarks of tasks

Written by \`npm run bench:tasks\`. ${cores} cores, Node ${process.versions.node}, everything on loopback and sharing the cores, clients included; ${rounds} interleaved rounds, each
on a fresh platform, medians (minimum–maximum). Machines differ: read the ratios. One backend, one general worker with \`WORKER_CONCURRENCY=${concurrency}\`, Redis as the broker, a PostgreSQL
that makes every commit durable; clients use Node's \`http\` with connections that stay open (with \`fetch\` a request is 0.3 ms later with its server), and tasks have inputs of ${payload} bytes and do nothing. Every count was verified, or there would be no page: what was
accepted was started once and succeeded.
`;
}

function idlePart(rounds: readonly IdleRound[], { samples }: Sizes): string {
  const p50 = rounds.map((round) => quantile(handlerTimes(round), 0.5));
  const verdict = median(p50) <= IDLE_GOAL_MS ? 'met' : '**not met**';
  const line = (what: string, timesOf: (round: IdleRound) => readonly number[]) => [
    what,
    ...[0.5, 0.95].map((share) => spreadOf(rounds, (round) => quantile(timesOf(round), share), 1)),
  ];
  return `## At idle

One task at a time, ${samples} of each kind a round in turn, ms since before the request is sent; nothing else is under way but, where it says so, the client's request for the result. ${WARM_UP.toLocaleString('en')} tasks have run before, and as many jobs with BullMQ; the first tasks after a start have a line of their own. The goal of ${IDLE_GOAL_MS} ms to the handler at the median is ${verdict}.

${table(
  ['', 'p50', 'p95'],
  [
    line('task accepted: committed and answered', ({ alone }) => alone.map(({ accepted }) => accepted)),
    line('task to handler', handlerTimes),
    line(`task to handler, the first ${samples} after a start`, ({ first }) =>
      first.map(({ handler }) => handler),
    ),
    line('task to handler, while its client asks for the result', ({ awaited }) =>
      awaited.map(({ handler }) => handler),
    ),
    line('task to the client that waits for its result', ({ awaited }) =>
      awaited.map(({ result }) => result),
    ),
    line('job to handler, bare BullMQ', ({ bullmq }) => bullmq),
  ],
)}

A task takes ${spread(
    rounds.map((round, index) => p50[index]! / quantile(round.bullmq, 0.5)),
    1,
  )} × what a job takes in the same round.
`;
}

const handlerTimes = ({ alone }: IdleRound) => alone.map(({ handler }) => handler);

function submitPart(rounds: readonly SubmitFigures[][], { warmUp }: Sizes): string {
  const manners = rounds[0]!.map(({ manner }) => manner);
  const ofManner = (index: number) => rounds.map((figures) => figures[index]!);
  const rows = manners.map(({ clients, bulk, count }, index) => [
    `${bulk === 1 ? 'one by one' : `${grouped(bulk)} a request`}, ${counted(clients, 'client')}, ${grouped(count)} tasks`,
    spreadOf(ofManner(index), ({ waiting }) => waiting, 0),
    spreadOf(ofManner(index), ({ executing }) => executing, 0),
    spreadOf(ofManner(index), ({ bullmq }) => bullmq, 0),
    spreadOf(ofManner(index), ({ waiting, bullmq }) => waiting / bullmq, 2),
  ]);
  const cpu = (name: string) => (index: number) =>
    spreadOf(ofManner(index), ({ costs }) => (costs.cpu.get(name) ?? 0) * 1000, 0);
  const costs = manners.map(({ clients, bulk }, index) => [
    `${bulk === 1 ? 'one by one' : `${grouped(bulk)} a request`}, ${counted(clients, 'client')}`,
    ...['backend', 'postgresql', 'load generator'].map((name) => cpu(name)(index)),
    spreadOf(ofManner(index), ({ costs: { statements } }) => statements, 3),
    spreadOf(ofManner(index), ({ costs: { walBytes } }) => walBytes, 0),
  ]);
  return `## Submitting

Tasks accepted per second, each durable when it is answered: while all slots are taken, so that they wait; and while the worker executes them. Bare BullMQ adds to a queue without workers, over one
connection, on a Redis that writes nothing to a disk: the ratio is that of what waits. ${grouped(warmUp)} tasks before, on both sides.

${table(['', 'they wait', 'they are executed meanwhile', 'bare BullMQ, jobs', 'ratio'], rows)}

What one of them cost that waits; CPU in µs:

${table(['', 'backend', 'PostgreSQL', 'clients', 'SQL statements', 'write-ahead log, bytes'], costs)}
`;
}

function prioritiesPart(rounds: readonly PrioritiesRound[], sizes: Sizes): string {
  const row = (what: string, of: (round: PrioritiesRound) => MixedFigures) => [
    what,
    spreadOf(rounds, (round) => of(round).perSecond, 0),
    spreadOf(rounds, (round) => of(round).perSecond / round.noop, 2),
    spreadOf(rounds, (round) => of(round).perParcel, 1),
    spreadOf(rounds, (round) => of(round).inOrder * 100, 1),
    spreadOf(rounds, (round) => of(round).mostPassedParcels, 0),
  ];
  return `## ${grouped(sizes.tasks)} tasks of mixed priorities

All of them wait, then the slots become free; from there to the end of the last. The order in which their handlers were called was kept in every round: none went before one of a higher priority, or of
the same and submitted earlier, other than those that were out beside it. At most ${mostOut(sizes)} parcels of up to 50 tasks are out at once, and a slot works on each by itself; so one may pass ${mostOut(sizes) - 1} parcels.

${table(
  [
    '',
    'tasks per second',
    'of tasks of one priority',
    'tasks a parcel',
    'with nothing left that goes first, %',
    'most parcels passed',
  ],
  [
    ['one priority, nothing to order', spreadOf(rounds, ({ noop }) => noop, 0), '', '', '', ''],
    row('three queues: priorities 10, 0, -10', ({ lines }) => lines),
    row('one queue: priorities -100 to 100', ({ levels }) => levels),
  ],
)}
`;
}

function schedulesPart(rounds: readonly SchedulesRound[], { schedules }: Sizes): string {
  const row = (what: string, delays: (round: SchedulesRound) => readonly number[]) => [
    what,
    ...[0.5, 0.99, 1].map((share) => spreadOf(rounds, (round) => quantile(delays(round), share), 0)),
  ];
  const both = (what: string, of: (round: SchedulesRound) => FiredFigures) => [
    row(`${what}: fired`, (round) => of(round).fired),
    row(`${what}: handler called`, (round) => of(round).handled),
  ];
  return `## ${grouped(schedules)} schedules due in one minute

Each fired once in every round: its history has one line, at the moment it was due, and its task had one effect. Delays behind that moment, ms; applied in documents of a hundred
they are created at ${spreadOf(rounds, ({ created }) => created, 0)} a second.

${table(
  ['', 'p50', 'p99', 'longest'],
  [
    ...both('spread over the seconds of the minute', ({ spread }) => spread),
    ...both('all at one moment', ({ together }) => together),
  ],
)}
`;
}

function logsPart(rounds: readonly LogsRound[], { lines, listeners, concurrency }: Sizes): string {
  const each = Math.min(listeners, concurrency);
  const row = (what: string, of: (round: LogsRound) => HeardFigures, heardBy: number) => [
    what,
    spreadOf(rounds, (round) => of(round).perSecond / heardBy, 0),
    spreadOf(rounds, (round) => of(round).perSecond, 0),
    ...[0.5, 0.99].map((share) => spreadOf(rounds, (round) => quantile(of(round).delays, share), 0)),
  ];
  return `## Live log lines

Lines of ${LINE_BYTES} bytes and two fields, from the task that says them to clients that follow its events at the backend, stored on the way. Every listener heard every line once, in order. Delays from saying to
hearing, ms; where a task speaks as fast as it can they say how far its listeners fall behind.

${table(
  ['', 'lines per second, each listener', 'all listeners', 'delay p50', 'delay p99'],
  [
    row(
      `one task, ${grouped(lines)} lines as fast as it can, ${counted(listeners, 'listener')}`,
      ({ oneTask }) => oneTask,
      listeners,
    ),
    row(
      `${counted(each, 'task')} side by side, ${grouped(lines)} lines each, a listener each`,
      ({ taskEach }) => taskEach,
      each,
    ),
    row(
      `one task, a line every ${SAID_EVERY_MS} ms, ${counted(listeners, 'listener')}`,
      ({ now }) => now,
      listeners,
    ),
  ],
)}
`;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(header), `|${'---|'.repeat(header.length)}`, ...rows.map(line)].join('\n');
}

function spreadOf<Round>(rounds: readonly Round[], figure: (of: Round) => number, digits: number): string {
  return spread(rounds.map(figure), digits);
}

function grouped(value: number): string {
  return value.toLocaleString('en');
}

function counted(count: number, what: string): string {
  return `${grouped(count)} ${what}${count === 1 ? '' : 's'}`;
}
