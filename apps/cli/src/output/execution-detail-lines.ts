import type { Attempt, ExecutionDetail } from '@longshore/contracts';
import { byteSize } from './byte-size.ts';
import { duration } from './duration.ts';
import { type Look, painted } from './look.ts';
import { startOutcome } from './start-outcome.ts';
import { stateMeaning } from './state-meaning.ts';
import { oneLine, table } from './table.ts';
import { moment } from './moment.ts';

type FileRun = ExecutionDetail['files'][number];

const FILE_HEADINGS = ['FILE', 'SIZE', 'STATE', 'TOOK', 'STARTS', 'WORKER'];
const START_HEADINGS = ['FILE', 'START', 'WORKER', 'STARTED', 'TOOK', 'OUTCOME', 'ERROR'];

/** All about one execution but its results. */
export function executionDetailLines(detail: ExecutionDetail, look: Look = {}): string[] {
  const files = detail.files.map((run) => [
    run.file,
    byteSize(run.size),
    run.state,
    took(run.started_at, run.finished_at),
    String(run.attempts.length),
    run.worker ?? '-',
  ]);
  return [
    ...facts(detail, look),
    '',
    ...table(FILE_HEADINGS, files, { ...look, dispensable: ['STARTS', 'WORKER'] }),
    ...startLines(detail.files, look),
    ...errorLines(detail.files, look),
    ...(detail.result === null ? [] : ['', `What was found: longshore result ${detail.execution_id}`]),
  ];
}

function facts(detail: ExecutionDetail, look: Look): string[] {
  const { organisation, api_name: name, kind, workflow_version: version, timings, tags } = detail;
  const words = kind === 'api' ? 'deployment' : 'pipeline';
  const times = [
    timings.waited_ms === null ? [] : [`waited ${duration(timings.waited_ms)}`],
    timings.worked_ms === null ? [] : [`worked ${duration(timings.worked_ms)}`],
  ].flat();
  const count = `${detail.total_files}: ${detail.successful_files} succeeded, ${detail.failed_files} failed`;
  const named = [
    ['execution', detail.execution_id],
    ['status', painted(detail.status, stateMeaning(detail.status), look)],
    [words, `${organisation}/${name}, workflow version ${version}`],
    ['accepted', [moment(detail.created_at), ...times].join(', ')],
    ['files', count],
    ...(tags.length === 0 ? [] : [['tags', tags.join(', ')]]),
    ...(detail.replay_of === null ? [] : [['replay of', detail.replay_of]]),
    ...(detail.error === null ? [] : [['error', oneLine(detail.error)]]),
    ...(detail.result_expired ? [['result', 'removed: it was kept as long as it should be']] : []),
  ];
  return named.map(([label, text]) => `${label!.padEnd(11)} ${text}`);
}

/** Only where there was more than one, or the one did not end well: else it says nothing new. */
function startLines(files: readonly FileRun[], look: Look): string[] {
  const told = files.filter(({ attempts }) => attempts.length > 1);
  if (told.length === 0) return [];
  const rows = told.flatMap(({ file, attempts }) => attempts.map((start) => startRow(file, start)));
  return ['', ...table(START_HEADINGS, rows, { ...look, dispensable: ['STARTED', 'WORKER'] })];
}

function startRow(file: string, { epoch, worker, started_at, ended_at, outcome, error }: Attempt): string[] {
  return [
    file,
    String(epoch),
    worker ?? '-',
    started_at === null ? '-' : moment(started_at),
    took(started_at, ended_at),
    startOutcome(outcome),
    error === null ? '' : error.message,
  ];
}

/** Whole: what a table leaves out is often the reason. */
function errorLines(files: readonly FileRun[], look: Look): string[] {
  const lines = files.flatMap(({ file, error }) =>
    error === null ? [] : [`  ${oneLine(`${file}: ${error.message} (${error.code})`)}`],
  );
  return lines.length === 0 ? [] : ['', painted('Errors:', 'bad', look), ...lines];
}

function took(from: string | null, to: string | null): string {
  return from === null || to === null ? '-' : duration(Date.parse(to) - Date.parse(from));
}
