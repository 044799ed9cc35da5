import type {
  PastAttempt,
  TaskDetail,
  TaskLimit,
  TaskList,
  TaskStatusAnswer,
  TaskTypes,
} from '@longshore/contracts';
import type { TaskEventText } from '../client/task-events.ts';
import { attemptWords } from './attempt-words.ts';
import { duration } from './duration.ts';
import { type Look, painted } from './look.ts';
import { stateMeaning } from './state-meaning.ts';
import { oneLine, spacedLine, table } from './table.ts';
import { moment } from './moment.ts';

/** A table with one line for each type. */
export function typeLines({ details = [] }: TaskTypes, look: Look = {}): string[] {
  if (details.length === 0)
    return ['No worker has registered a task yet: "longshore up" or "longshore worker" starts workers.'];
  const rows = details.map(({ name, group, queue, served, limits, description }) => [
    ...[name, group, queue, served ? 'yes' : 'NO', limitsText(limits) || '-', description],
  ]);
  return table(['TASK', 'GROUP', 'QUEUE', 'SERVED', 'LIMITS', 'DESCRIPTION'], rows, {
    ...look,
    dispensable: ['GROUP', 'LIMITS', 'QUEUE'],
    whole: ['TASK'],
  });
}

/** A table with one line for each task, and how to see more. */
export function listLines(
  { tasks, total, total_is_exact: isExact, offset, has_more: hasMore }: TaskList,
  look: Look = {},
): string[] {
  if (tasks.length === 0) return ['There is no such task: "longshore tasks submit" submits one.'];
  const rows = tasks.map(({ task_id, task_name, status, created_at, error }) => [
    ...[task_id, task_name, status, moment(created_at), error ?? ''],
  ]);
  const end = hasMore
    ? [
        `${tasks.length} of ${isExact ? '' : 'more than '}${total}; go on with --offset ${offset + tasks.length}`,
      ]
    : [];
  const shown = { ...look, dispensable: ['ERROR', 'SUBMITTED', 'TASK'] };
  return [...table(['ID', 'TASK', 'STATUS', 'SUBMITTED', 'ERROR'], rows, shown), ...end];
}

/** How far a task is, and what it waits for. */
export function statusLine(task: TaskStatusAnswer, look: Look = {}): string {
  const { status, progress, error, waits_for_limit: limits } = task;
  const percentage = progress?.percentage == null ? '' : ` ${progress.percentage} %`;
  const message =
    error?.message ?? progress?.message ?? (limits ? `waits for a limit: ${limitsText(limits)}` : '');
  const rest = oneLine(`${percentage} ${message}`);
  return [painted(status, stateMeaning(status), look), rest].join(' ').trimEnd();
}

/** What happened, in a line. */
export function eventLine({ event, data }: TaskEventText): string {
  if (event === 'log') {
    const fields =
      data['fields'] === null || data['fields'] === undefined ? '' : JSON.stringify(data['fields']);
    const head = oneLine(`${data['at']} ${String(data['level']).toUpperCase()}`);
    return `${head} ${spacedLine(`${data['message']} ${fields}`)}`;
  }
  if (event === 'attempt') return oneLine(attemptLine(data as unknown as PastAttempt));
  if (event === 'progress') return oneLine(`progress ${data['percentage'] ?? ''} ${data['message'] ?? ''}`);
  const attempt =
    typeof data['attempt'] === 'number' && data['attempt'] > 1 ? ` (attempt ${data['attempt']})` : '';
  const error = data['error'] as { code: string; message: string } | null | undefined;
  return oneLine(`${event} ${data['status']}${attempt}${error ? `: ${error.message} (${error.code})` : ''}`);
}

/** All about one task. */
export function taskDetailLines(task: TaskDetail): string[] {
  const { progress, error, waits_for_limit: limits, past_attempts: past } = task;
  const moments = [
    ['submitted', task.created_at],
    ['not before', task.run_at],
    ['started', task.started_at],
    ['ended', task.finished_at],
  ] as const;
  return [
    `${task.task_name} ${task.task_id}: ${task.status}`,
    `organisation ${task.organisation}, queue ${task.queue}, priority ${task.priority}`,
    ...moments.flatMap(([name, at]) => (at === null ? [] : [`${name} ${at}`])),
    attemptsLine(task),
    ...(task.retry_of === null ? [] : [`runs ${task.retry_of} again`]),
    ...(limits === undefined ? [] : [`waits for a limit: ${limitsText(limits)}`]),
    ...(progress === null
      ? []
      : [`progress: ${progress.percentage ?? '?'} % ${progress.message ?? ''}`.trimEnd()]),
    ...past.map(attemptLine),
    ...(error === null ? [] : [`error: ${error.message} (${error.code})`]),
    ...(task.warning === undefined ? [] : [`Warning: ${task.warning}`]),
    `parameters: ${JSON.stringify(task.parameters)}`,
  ].map(oneLine);
}

/** Attempts are what `max_attempts` counts: failures of the task. Starts are what workers took, those that were lost included. */
function attemptsLine({
  status,
  attempts,
  max_attempts: most,
  starts,
  worker,
  past_attempts: past,
}: TaskDetail) {
  const isOver = status === 'failed' && attempts < most;
  const failed = isOver
    ? `${attempts} failed, and no other follows (at most ${most})`
    : `${attempts} failed of at most ${most}`;
  const times = starts === 1 ? 'once' : `${starts} times`;
  const handedBack = past.filter(({ outcome }) => outcome === 'handed_back').length;
  const apart = handedBack === 0 ? '' : ` beside ${handedBack} handed back`;
  return `attempts: ${failed}; started ${times}${apart}${worker === null ? '' : `, last by ${worker}`}`;
}

function attemptLine(attempt: PastAttempt): string {
  return `${attempt.ended_at} ${attemptWords(attempt)}`;
}

function limitsText(limits: readonly TaskLimit[]): string {
  return limits
    .map(({ per, concurrency, rate }) => {
      const parts = [
        ...(concurrency === undefined ? [] : [`${concurrency} at once`]),
        ...(rate === undefined ? [] : [`${rate.runs} starts in ${duration(rate.per_ms)}`]),
      ];
      return `${parts.join(', ')} per ${per}`;
    })
    .join('; ');
}
