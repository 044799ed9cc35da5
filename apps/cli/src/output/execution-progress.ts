import type { ExecutionDetail } from '@longshore/contracts';
import { duration } from './duration.ts';
import { type Look, painted } from './look.ts';
import { stateMeaning } from './state-meaning.ts';
import type { Terminal } from './terminal.ts';

type FileRun = ExecutionDetail['files'][number];

/** Tells how an execution goes on: a line whenever a file changes, and on a terminal a status line below them. */
export function createProgress(
  terminal: Terminal,
): (detail: Pick<ExecutionDetail, 'files' | 'total_files'>) => void {
  const told = new Map<string, string>();
  return ({ files, total_files: total }) => {
    for (const [index, run] of files.entries()) {
      const line = lineFor(run);
      if (line === undefined || told.get(`${index}`) === line) continue;
      told.set(`${index}`, line);
      terminal.err(paintedMark(line, run.state, terminal.errorLook));
    }
    const ended = files.filter(({ state }) => isEnded(state)).length;
    terminal.status(ended < total ? `  ${ended} of ${total} files` : '');
  };
}

function isEnded(state: FileRun['state']): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}

/** The line with its mark in the colour of what it means. */
function paintedMark(line: string, state: FileRun['state'], look: Look = {}): string {
  const mark = /^ *\S+/.exec(line)?.[0] ?? '';
  const isMark = state === 'succeeded' || state === 'failed';
  return isMark ? painted(mark, stateMeaning(state), look) + line.slice(mark.length) : line;
}

/** What is worth a line: that a file is begun, and how it ended. */
function lineFor({
  file,
  state,
  started_at: from,
  finished_at: to,
  error,
  starts,
}: FileRun): string | undefined {
  const took = from === null || to === null ? '' : ` in ${duration(Date.parse(to) - Date.parse(from))}`;
  const again = starts > 1 ? ` (start ${starts})` : '';
  switch (state) {
    case 'queued':
      return undefined;
    case 'running':
    case 'waiting':
      return `  …  ${file}${again}`;
    case 'succeeded':
      return `  ok ${file}${took}`;
    case 'failed':
      return `  ✗  ${file}${took}: ${error?.message ?? 'no reason given'}`;
    case 'cancelled':
      return `  -  ${file} cancelled`;
  }
}
