import type { Attempt, Run } from '@longshore/contracts';
import { duration } from './duration.ts';
import { type Look, painted } from './look.ts';
import { startOutcome } from './start-outcome.ts';
import { stateMeaning } from './state-meaning.ts';
import { oneLine, table } from './table.ts';
import { moment } from './moment.ts';

const HEADINGS = ['RUN', 'STATE', 'START', 'WORKER', 'STARTED', 'ENDED', 'TOOK', 'ID'];
const START_HEADINGS = ['START', 'OUTCOME', 'WORKER', 'STARTED', 'ENDED', 'TOOK', 'ERROR'];
const STARTS = { dispensable: ['ENDED', 'STARTED', 'WORKER'] };

/** A line for each start, so that it shows who had a run before; one that nobody took has a line too. */
export function runLines(runs: readonly Run[], look: Look = {}): string[] {
  if (runs.length === 0) return ['There is no such run.'];
  const rows = runs.flatMap((run) =>
    run.attempts.length === 0 ? [rowOf(run, undefined)] : run.attempts.map((attempt) => rowOf(run, attempt)),
  );
  const errors = runs.flatMap((run) =>
    run.error === null ? [] : [oneLine(`${nameOf(run)}: ${run.error.message} (${run.error.code})`)],
  );
  return [
    ...table(HEADINGS, rows, {
      ...look,
      dispensable: ['ENDED', 'STARTED', 'START', 'WORKER'],
    }),
    ...(errors.length === 0
      ? []
      : ['', painted('Errors:', 'bad', look), ...errors.map((line) => `  ${line}`)]),
  ];
}

/** All about one run. `root`: the execution or task that it is a part of. */
export function runDetailLines(run: Run, root: string, look: Look = {}): string[] {
  const rows = run.attempts.map((attempt) => [
    ...[String(attempt.epoch), startOutcome(attempt.outcome), attempt.worker ?? '-'],
    ...[momentOf(attempt.started_at), momentOf(attempt.ended_at), tookOf(attempt)],
    attempt.error?.message ?? '',
  ]);
  const facts = [
    ['run', run.run_id],
    ['task', `${nameOf(run)}, queue ${run.queue}`],
    ['state', painted(run.state, stateMeaning(run.state), look)],
    ['part of', run.run_id === root ? 'nothing: it is the execution or task itself' : root],
    ['made', momentOf(run.created_at)],
    ...(run.error === null ? [] : [['error', oneLine(`${run.error.message} (${run.error.code})`)]]),
  ];
  return [
    ...facts.map(([label, text]) => `${label!.padEnd(8)} ${text}`),
    ...(rows.length === 0 ? [] : ['', ...table(START_HEADINGS, rows, { ...look, ...STARTS })]),
  ];
}

function tookOf({ started_at: from, ended_at: to }: Attempt): string {
  return from === null || to === null ? '-' : duration(Date.parse(to) - Date.parse(from));
}

function rowOf(run: Run, attempt: Attempt | undefined): string[] {
  return [
    nameOf(run),
    attempt === undefined ? run.state : startOutcome(attempt.outcome),
    attempt === undefined ? '-' : String(attempt.epoch),
    attempt?.worker ?? '-',
    momentOf(attempt?.started_at ?? null),
    momentOf(attempt?.ended_at ?? null),
    attempt === undefined ? '-' : tookOf(attempt),
    run.run_id,
  ];
}

function nameOf({ task, file, key }: Run): string {
  const which = file ?? key ?? '';
  return which === '' ? task : `${task} ${which}`;
}

function momentOf(text: string | null): string {
  return text === null ? '-' : moment(text);
}
