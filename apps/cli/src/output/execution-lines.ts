import type { ExecutionSummary } from '@longshore/contracts';
import { duration } from './duration.ts';
import { type Look, painted } from './look.ts';
import { stateMeaning } from './state-meaning.ts';
import { oneLine, table } from './table.ts';
import { moment } from './moment.ts';

const HEADINGS = ['EXECUTION', 'STATUS', 'DEPLOYMENT', 'FILES', 'AGE', 'TOOK', 'TAGS', 'ERROR'];

/** A table with one line for each execution. `now` is the wall clock, milliseconds. */
export function executionLines(
  executions: readonly ExecutionSummary[],
  now: number,
  look: Look = {},
): string[] {
  if (executions.length === 0)
    return ['There is no such execution: "longshore submit" makes one, or "longshore pipelines run".'];
  const rows = executions.map((one) => [
    one.execution_id,
    one.status,
    one.api_name,
    String(one.total_files),
    duration(Math.max(0, now - Date.parse(one.created_at))),
    tookOf(one),
    one.tags.join(','),
    one.error ?? '',
  ]);
  // Most have neither tags nor an error.
  const shown = HEADINGS.flatMap((heading, at) =>
    ['TAGS', 'ERROR'].includes(heading) && rows.every((row) => row[at] === '') ? [] : [at],
  );
  const picked = (row: readonly string[]) => shown.map((at) => row[at]!);
  return table(picked(HEADINGS), rows.map(picked), {
    ...look,
    dispensable: ['TAGS', 'TOOK', 'FILES', 'AGE', 'ERROR'],
  });
}

function tookOf({ started_at: from, finished_at: to }: ExecutionSummary): string {
  return from === null || to === null ? '-' : duration(Date.parse(to) - Date.parse(from));
}

/** One execution in one line, with the moment of what is told. */
export function executionLine(one: ExecutionSummary, look: Look = {}): string {
  const { execution_id: id, status, api_name: name, total_files: files, error } = one;
  const at = one.finished_at ?? one.started_at ?? one.created_at;
  const why = error === null ? '' : `: ${error}`;
  const words = `${name}, ${files} ${files === 1 ? 'file' : 'files'}`;
  const shown = painted(status.padEnd(9), stateMeaning(status), look);
  return `${moment(at)} ${id} ${shown} ${oneLine(`${words}${why}`)}`;
}
