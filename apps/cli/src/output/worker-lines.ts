import type { WorkersResponse } from '@longshore/contracts';
import type { WorkerStats } from '../client/worker-metrics.ts';
import { byteSize } from './byte-size.ts';
import { duration } from './duration.ts';
import type { Look } from './look.ts';
import { table } from './table.ts';

type Pools = WorkersResponse['pools'];

const HEADINGS = ['WORKER', 'INSTANCE', 'PID', 'STATE', 'RUNS', 'QUEUES', 'TASKS', 'HEALTH', 'UP'];
const COLUMNS = { dispensable: ['TASKS', 'HEALTH', 'UP', 'PID', 'QUEUES', 'WORKER'], whole: ['INSTANCE'] };
const STATS_HEADINGS = ['WORKER', 'INSTANCE', 'STATE', 'RUNS', 'DONE', 'FAILED', 'AVERAGE', 'CPU', 'MEMORY'];
/** What a process did matters more here than how it is now. */
const STATS_COLUMNS = {
  dispensable: ['CPU', 'STATE', 'RUNS', 'AVERAGE', 'WORKER'],
  whole: ['INSTANCE'],
};

/** A table with one line for each live worker process. `now` is the wall clock, milliseconds. */
export function workerLines({ pools }: WorkersResponse, now: number, look: Look = {}): string[] {
  const rows = pools.flatMap(({ worker, queues, tasks, sessions }) =>
    sessions.map((session) => [
      worker,
      session.instance,
      String(session.pid),
      stateOf(session),
      busy(session),
      queues.join(','),
      String(tasks.length),
      session.health_port === null ? '-' : `:${session.health_port}`,
      duration(Math.max(0, now - Date.parse(session.started_at))),
    ]),
  );
  const left = absentLines(pools);
  return rows.length + left.length === 0
    ? ['No worker has registered yet: "longshore up" or "longshore worker" starts them.']
    : [...table(HEADINGS, rows, { ...look, ...COLUMNS }), ...left, ...skippedLines(pools)];
}

/** A table with what each live worker process did; those that could not be asked have no numbers, and are named below. */
export function statsLines(
  { pools }: WorkersResponse,
  stats: ReadonlyMap<string, WorkerStats>,
  look: Look = {},
): string[] {
  const rows = pools.flatMap(({ worker, sessions }) =>
    sessions.map((session) => [
      ...[worker, session.instance, stateOf(session), busy(session)],
      ...numbers(stats.get(session.session_id)),
    ]),
  );
  const silent = pools.flatMap(({ sessions }) => sessions).filter((one) => !stats.has(one.session_id));
  const told = silent.map(({ instance, hostname, health_port: port }) =>
    port === null ? `${instance} (no health port)` : `${instance} (${hostname}:${port})`,
  );
  return [
    ...table(STATS_HEADINGS, rows, { ...look, ...STATS_COLUMNS }),
    ...absentLines(pools),
    ...(told.length === 0 ? [] : [`Not to be reached from here: ${told.join(', ')}.`]),
  ];
}

/** Between two turns of a main loop that nobody holds up. */
const LOOP_TURNS_WITHIN_MS = 3_000;

function stateOf({ state, loop_age_ms: loopAgeMs = 0 }: Pools[number]['sessions'][number]): string {
  return loopAgeMs > LOOP_TURNS_WITHIN_MS ? `${state}, stands still ${duration(loopAgeMs)}` : state;
}

function busy({ active, concurrency }: Pools[number]['sessions'][number]): string {
  return `${active}/${concurrency}`;
}

function numbers(stats: WorkerStats | undefined): string[] {
  if (stats === undefined) return ['-', '-', '-', '-', '-'];
  const { done, failed, average_ms: average, cpu_percent: cpu, memory_bytes: memory } = stats;
  const counts = [done, failed].map(String);
  return [...counts, average === null ? '-' : duration(average), `${cpu} %`, byteSize(memory)];
}

function absentLines(pools: Pools): string[] {
  const absent = pools.filter(({ sessions }) => sessions.length === 0).map(({ worker }) => worker);
  return absent.length === 0 ? [] : [`No process alive: ${[...new Set(absent)].join(', ')}.`];
}

/** Each file once, however many processes skipped it, with what one of them says about it. */
function skippedLines(pools: Pools): string[] {
  const skipped = pools.flatMap(({ worker, sessions }) =>
    sessions.flatMap(({ skipped_task_files: files = [] }) =>
      files.map(({ file, reason }) => [`${worker}: ${file}`, reason.replace(/\s+/g, ' ')] as const),
    ),
  );
  const lines = [...new Map(skipped)].map(([file, reason]) => `  ${file}: ${reason}`);
  return lines.length === 0 ? [] : ['', 'Task files that were not loaded:', ...lines];
}
