import type { Attempt, Run } from '@longshore/contracts';
import { duration } from './duration.ts';
import { oneLine, table } from './table.ts';

const HEADINGS = ['RUN', 'STATE', 'ATTEMPT', 'WORKER', 'STARTED', 'ENDED', 'TOOK', 'ID'];
const WIDEST = 40;

/** A line for each attempt, so that it shows who had a run before; one that nobody took has a line too. */
export function runLines(runs: readonly Run[], columns?: number): string[] {
  if (runs.length === 0) return ['There is no such run.'];
  const rows = runs.flatMap((run) =>
    run.attempts.length === 0 ? [rowOf(run, undefined)] : run.attempts.map((attempt) => rowOf(run, attempt)),
  );
  const errors = runs.flatMap((run) =>
    run.error === null ? [] : [oneLine(`${nameOf(run)}: ${run.error.message} (${run.error.code})`)],
  );
  return [
    ...table(HEADINGS, rows, WIDEST, columns),
    ...(errors.length === 0 ? [] : ['', 'Errors:', ...errors.map((line) => `  ${line}`)]),
  ];
}

function rowOf(run: Run, attempt: Attempt | undefined): string[] {
  const [from, to] = [attempt?.started_at ?? null, attempt?.ended_at ?? null];
  return [
    nameOf(run),
    attempt?.outcome ?? run.state,
    attempt === undefined ? '-' : String(attempt.epoch),
    attempt?.worker ?? '-',
    momentOf(from),
    momentOf(to),
    from === null || to === null ? '-' : duration(Date.parse(to) - Date.parse(from)),
    run.run_id,
  ];
}

function nameOf({ task, file, key }: Run): string {
  const which = file ?? key ?? '';
  return which === '' ? task : `${task} ${which}`;
}

function momentOf(text: string | null): string {
  return text === null ? '-' : text.slice(0, 19).replace('T', ' ');
}
