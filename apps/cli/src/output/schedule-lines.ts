import type { Firing, Schedule, ScheduleDetail } from '@longshore/contracts';
import { type Look, painted } from './look.ts';
import { stateMeaning } from './state-meaning.ts';
import { table } from './table.ts';
import { moment } from './moment.ts';

/** A table with one line for each schedule. */
export function scheduleLines(schedules: readonly Schedule[], look: Look = {}): string[] {
  if (schedules.length === 0) return ['There is no such schedule: "longshore schedules create" makes one.'];
  const rows = schedules.map((schedule) => [
    schedule.name,
    schedule.organisation,
    whenOf(schedule),
    whatOf(schedule),
    schedule.state,
    momentOf(schedule.next_at),
    momentOf(schedule.last_fired_at),
    String(schedule.fired),
  ]);
  return table(['NAME', 'ORGANISATION', 'WHEN', 'WHAT', 'STATE', 'NEXT', 'LAST', 'FIRED'], rows, {
    ...look,
    dispensable: ['ORGANISATION', 'LAST', 'FIRED'],
    whole: ['NAME'],
  });
}

/** All about one schedule, its next times and lines of its history. */
export function scheduleDetailLines(
  schedule: ScheduleDetail,
  firings: readonly Firing[],
  look: Look = {},
): string[] {
  const { description, warning, waiting, starts_at, ends_at, jitter } = schedule;
  return [
    `${schedule.name} (${painted(schedule.state, stateMeaning(schedule.state), look)}): ${whatOf(schedule)}, ${whenOf(schedule)}`,
    ...(description === undefined ? [] : [description]),
    `missed times: ${schedule.catch_up ?? 'skip'}; overlap: ${schedule.overlap ?? 'skip'}; fired ${schedule.fired} times`,
    ...(starts_at === undefined ? [] : [`from ${starts_at}`]),
    ...(ends_at === undefined ? [] : [`until ${ends_at}`]),
    ...(jitter === undefined ? [] : [`spread over ${jitter}`]),
    ...(waiting === 0 ? [] : [`${waiting} wait for an earlier one to end`]),
    ...(warning === undefined ? [] : [`Warning: ${warning}`]),
    ...(schedule.next.length === 0
      ? ['no time left']
      : [
          schedule.state === 'paused' ? 'next, were it resumed:' : 'next:',
          ...schedule.next.map((at) => `  ${momentOf(at)}`),
        ]),
    ...(firings.length === 0 ? [] : ['', ...firingLines(firings, look)]),
  ];
}

/** A table with one line for each line of a history. */
export function firingLines(firings: readonly Firing[], look: Look = {}): string[] {
  if (firings.length === 0)
    return ['Nothing was fired, and nothing skipped: "longshore schedules run <name>" fires one now.'];
  const rows = firings.map(
    ({ fire_at, outcome, count, last_at, delay_ms, task_id, execution_id, ...line }) => [
      momentOf(fire_at),
      outcome,
      count === 1 ? '' : `${count ?? 'many'} until ${momentOf(last_at)}`,
      delay_ms === null ? '' : `${Math.round(delay_ms)} ms`,
      line.by_hand ? 'by hand' : (line.reason ?? ''),
      task_id ?? execution_id ?? '',
    ],
  );
  return table(['AT', 'OUTCOME', 'TIMES', 'LATE', 'WHY', 'RUN'], rows, {
    ...look,
    dispensable: ['TIMES', 'LATE'],
  });
}

function whenOf({ cron, every, time_zone: zone = 'UTC' }: Schedule): string {
  return every === undefined ? `${cron} (${zone})` : `every ${every}`;
}

function whatOf({ task, pipeline }: Schedule): string {
  return task === undefined ? `pipeline ${pipeline}` : `task ${task}`;
}

function momentOf(text: string | null): string {
  return text === null ? '-' : moment(text);
}
