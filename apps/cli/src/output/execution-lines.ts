import type { ExecutionSummary } from '@longshore/contracts';
import { duration } from './duration.ts';
import { type Look, painted } from './look.ts';
import { stateMeaning } from './state-meaning.ts';
import { oneLine, table } from './table.ts';

const HEADINGS = ['EXECUTION', 'STATUS', 'DEPLOYMENT', 'FILES', 'AGE', 'TOOK', 'TAGS', 'ERROR'];
/** Below this width only what tells executions apart. */
const WIDE = 110;
const NARROW_COLUMNS = 5;

/** A table with one line for each execution. `now` is the wall clock, milliseconds. */
export function executionLines(
  executions: readonly ExecutionSummary[],
  now: number,
  look: Look = {},
): string[] {
  if (executions.length === 0)
    return ['There is no such execution: "longshore submit" makes one, or "longshore pipelines run".'];
  const { columns } = look;
  const shown = columns !== undefined && columns < WIDE ? NARROW_COLUMNS : HEADINGS.length;
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
  return table(
    HEADINGS.slice(0, shown),
    rows.map((row) => row.slice(0, shown)),
    { ...look, dispensable: ['FILES', 'AGE'] },
  );
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
  return `${at.slice(0, 19).replace('T', ' ')} ${id} ${shown} ${oneLine(`${words}${why}`)}`;
}
