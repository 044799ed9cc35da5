import {
  FILES_PER_EXECUTION,
  SMALL_FILES,
  type Arrival,
  type Contest,
  type Course,
  type FairnessFigures,
} from './fairness-measure.ts';
import { countBy, plot, type Panel } from './plot.ts';
import { median, spread } from './statistics.ts';

const COLOURS = { large: '#c0392b', small: '#2166ac' };
/** The contest's share is read while both have work and the workers are warm. */
const CONTEST_FROM = 0.1;
const CONTEST_TO = 0.9;

/** The page `docs/benchmarks-fairness.md`. */
export function fairnessReport({ files, alone, arrivals, contests }: FairnessFigures, cores: number): string {
  return `# One organisation beside another

Written by \`npm run bench:fairness\`. ${cores} cores, Node ${process.versions.node}, everything on one machine, PostgreSQL as the broker, one worker of four slots for
each step. Files are one-page texts.

## A small one beside a large one

The large organisation has ${files.toLocaleString('en')} files waiting, in executions of ${FILES_PER_EXECUTION}. The small one posts ${SMALL_FILES} files and waits for the result, ${alone.length} times one after the other. Medians
(minimum–maximum).

| | request to result, ms | beside alone | files of the large one waiting, first to last request |
|---|---|---|---|
| alone on the platform | ${spread(alone)} | 1 | 0 |
${arrivals.map((arrival) => arrivalRow(arrival, alone)).join('\n')}
| if it had to wait for the large one | ${arrivals.map(({ course }) => (course.large.at(-1)! * 1000).toFixed(0)).join(', ')} | | |

## Two that have as much waiting

Each has ${Math.ceil(files / 4).toLocaleString('en')} files. Counted between a tenth and nine tenths of what the faster one completes.

| weights | completed by the first | by the second | second to first |
|---|---|---|---|
${contests.map(contestRow).join('\n')}

![Completed files over time](benchmarks-fairness.svg)
`;
}

function arrivalRow({ weights, times, waiting }: Arrival, alone: readonly number[]): string {
  const name = `beside the large one, weights ${weights[0]} (large) to ${weights[1]}`;
  const [before, after] = waiting.map((count) => count.toLocaleString('en'));
  return `| ${name} | ${spread(times)} | ${(median(times) / median(alone)).toFixed(1)} | ${before} to ${after} |`;
}

function contestRow({ weights, course }: Contest): string {
  const [large, small] = sharesOf(course);
  return `| ${weights[0]} to ${weights[1]} | ${large} | ${small} | ${(small / large).toFixed(2)} |`;
}

function sharesOf({ large, small }: Course): [number, number] {
  const faster = large.at(-1)! < small.at(-1)! ? large : small;
  const [from, to] = [CONTEST_FROM, CONTEST_TO].map((share) => faster[Math.floor(share * faster.length)]!);
  const within = (times: readonly number[]) => countBy(times, to!) - countBy(times, from!);
  return [within(large), within(small)];
}

/** The plot `docs/benchmarks-fairness.svg`. */
export function fairnessPlot({ files, arrivals, contests }: FairnessFigures): string {
  const beside = arrivals[0]!;
  const arrival: Panel = {
    title: `${SMALL_FILES} files, again and again, beside ${files.toLocaleString('en')} waiting`,
    until: beside.course.small.at(-1)! * 1.5,
    lines: lines(beside.course, ['large', 'small']),
  };
  return plot([arrival, ...contests.map(contestPanel)]);
}

function contestPanel({ weights, course }: Contest): Panel {
  return {
    title: `As much waiting, weights ${weights[0]} to ${weights[1]}`,
    until: Math.max(course.large.at(-1)!, course.small.at(-1)!),
    lines: lines(course, [`weight ${weights[0]}`, `weight ${weights[1]}`]),
  };
}

function lines({ large, small }: Course, [first, second]: readonly [string, string]): Panel['lines'] {
  return [
    { name: `${first}: files completed`, colour: COLOURS.large, moments: large },
    { name: `${second}: files completed`, colour: COLOURS.small, moments: small },
  ];
}
