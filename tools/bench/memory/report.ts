import { median, spread } from '../statistics.ts';
import { HOW_TO_INSTALL, type CeleryFigures } from './celery.ts';
import type { AutoscaleFigures } from './autoscaling.ts';
import type { WorkerFigures } from './measure.ts';

/** One entry a round. */
export interface MemoryFigures {
  readonly separate: WorkerFigures[];
  readonly packed: WorkerFigures[];
  readonly coldStartMs: number[];
  readonly autoscaling: AutoscaleFigures[];
  /** Empty where it is not installed. */
  readonly celery: CeleryFigures[];
}

export interface Conditions {
  readonly cores: number;
  readonly rounds: number;
  readonly runs: number;
  readonly celery: string | null;
}

/** The page of this bench. */
export function report(figures: MemoryFigures, { cores, rounds, runs, celery }: Conditions): string {
  const { separate, packed, autoscaling, coldStartMs } = figures;
  const peer = figures.celery;
  const seconds = (values: readonly number[]) =>
    spread(
      values.map((ms) => ms / 1000),
      2,
    );
  const percent = (values: readonly number[]) =>
    `${spread(
      values.map((share) => share * 100),
      2,
    )} %`;
  const lines = [
    '# Benchmarks: memory and starts',
    '',
    'Written by `npm run bench:memory`; do not edit it.',
    '',
    `${cores} cores, ${rounds} ${rounds === 1 ? 'round' : 'rounds'}, medians with the least and the greatest. Ours are the bundles, started as \`node main.js\`, as our images and units do,`,
    'with Redis as the broker. Memory is PSS (each shared page divided among those who share it) of the workers and all processes below them, in MiB; the',
    'backend, the database and the broker are not in it on either side. It is read after a rest of 15 s.',
    celery === null
      ? `Celery was not installed and is not in the tables: ${HOW_TO_INSTALL}`
      : `Beside them in the same run ${celery}: four workers, prefork, concurrency 4, on the same Redis.`,
    '',
    `| four workers, MiB | idle | after ${runs.toLocaleString('en')} runs |`,
    '|---|---|---|',
    ...[
      ['as four processes', separate],
      ['packed in one process', packed],
      ['Celery', peer],
    ].flatMap(([name, rows]) => memoryRow(name as string, rows as Memory[])),
    '',
    ...ratios(figures),
    `The runs of ours are ${runs / 5} tasks and ${runs / 5} executions that read two small text files each; those of Celery are tasks that do nothing. Who gives the`,
    'general worker task files of their own has, packed, its process beside the pack.',
    '',
    '| beside memory | ours | Celery | goal |',
    '|---|---|---|---|',
    `| start of a worker to the end of its first run, s | ${seconds(coldStartMs)} | ${peer.length === 0 ? '–' : seconds(peer.map((one) => one.coldStartMs))} | 0.5 |`,
    `| CPU of idle workers, of a core: four processes | ${percent(cpuOf(separate).map((cpu) => cpu.workers))} | | |`,
    `| CPU of idle workers, of a core: packed | ${percent(cpuOf(packed).map((cpu) => cpu.workers))} | | |`,
    `| CPU of an idle backend with them, of a core | ${percent(cpuOf([...separate, ...packed]).map((cpu) => cpu.backend))} | | |`,
    `| CPU of backend and four workers, of a core | ${percent(cpuOf(separate).map((cpu) => cpu.workers + cpu.backend))} | | 2 % |`,
    `| backlog to 6 handlers at once, s | ${seconds(autoscaling.map(({ upMs }) => upMs))} | | 5 |`,
    `| end of the last handler to 2 slots again, s | ${seconds(autoscaling.map(({ downMs }) => downMs))} | | after 60 |`,
    '',
    'Handlers at once are those of a general worker, from 2 to 6 and back, with 120 runs of 300 ms of a task that nobody has run before; the handlers tell when they begin and end.',
    'The way back is sixty seconds without need of more than 2, looked at each second. A backlog that ends with two runs or fewer at once has spent a part of them before its last run ends.',
    'CPU and handlers at once are of the first round alone. Memory hardly depends on what else the machine does; the start, the CPU and the way up do.',
    '',
  ];
  return lines.join('\n');
}

const cpuOf = (rows: readonly WorkerFigures[]) => rows.flatMap(({ cpu }) => (cpu === null ? [] : [cpu]));

type Memory = Pick<WorkerFigures, 'idle' | 'after'>;

function memoryRow(name: string, rows: readonly Memory[]): string[] {
  if (rows.length === 0) return [];
  return [
    `| ${name} | ${spread(rows.map(({ idle }) => idle))} | ${spread(rows.map(({ after }) => after))} |`,
  ];
}

function ratios({ separate, packed, celery }: MemoryFigures): string[] {
  if (celery.length === 0) return [];
  const share = (rows: readonly Memory[], when: keyof Memory): string =>
    (median(rows.map((row) => row[when])) / median(celery.map((row) => row[when]))).toFixed(3);
  return [
    '| of the memory of Celery | idle | goal | after | goal |',
    '|---|---|---|---|---|',
    `| as four processes | ${share(separate, 'idle')} | 0.30 | ${share(separate, 'after')} | 0.40 |`,
    `| packed in one process | ${share(packed, 'idle')} | 0.15 | ${share(packed, 'after')} | 0.15 |`,
    '',
  ];
}
