import { duration } from '../output/duration.ts';
import { table } from '../output/table.ts';
import type { ChaosSummary, SlowestRecovery } from './summary.ts';

const SHOWN_VIOLATIONS = 20;
const WIDEST = 120;

/** What a run of faults came to, for a person. */
export function reportLines(summary: ChaosSummary): string[] {
  const { violations, faults } = summary;
  return [
    ...table(
      ['fault', 'times'],
      Object.entries(faults).map(([kind, times]) => [kind, String(times)]),
    ),
    '',
    ...table(['', `seed ${summary.seed}, broker ${summary.broker}`], rows(summary), { widest: WIDEST }),
    '',
    ...(violations.length === 0 ? ['Nothing accepted was lost or done twice.'] : violationLines(summary)),
  ];
}

function rows({
  executions,
  files,
  tasks,
  webhooks,
  losses,
  duplicates,
  violations,
  ...rest
}: ChaosSummary): string[][] {
  const others = violations.length - losses - duplicates;
  const slowest = rest.slowest_recovery;
  return [
    [
      'executions',
      `${executions.accepted} accepted, ${executions.ended} ended, ${executions.across_a_fault} while a fault struck`,
    ],
    ['files', `${files.sent} sent, ${files.results} results, ${files.rows} rows in a table`],
    ['tasks', `${tasks.accepted} accepted, ${tasks.ended} ended`],
    ['webhooks', webhooksLine(webhooks)],
    ['losses', String(losses)],
    ['duplicates', String(duplicates)],
    ['other violations', String(others)],
    ['slowest recovery', slowest === null ? 'none' : recoveryLine(slowest)],
  ];
}

function recoveryLine({ ms, execution_id: id, faults, fault }: SlowestRecovery): string {
  return `${duration(ms)} (${id}, ${faults === 1 ? fault : `${faults} faults, the last: ${fault}`})`;
}

function webhooksLine({ events, delivered, repeated, dead, lost, twice }: ChaosSummary['webhooks']): string {
  const asked = dead === 0 ? '' : `, ${dead} given up and asked for again`;
  return `${events} ends in ${delivered} deliveries, ${repeated} repeated${asked}, ${lost} lost, ${twice} twice`;
}

function violationLines({ violations, home, seed }: ChaosSummary): string[] {
  const shown = violations.slice(0, SHOWN_VIOLATIONS);
  const left = violations.length - shown.length;
  return [
    ...table(
      ['violation', 'about', 'what'],
      shown.map(({ kind, about, what }) => [kind, about, what]),
      { widest: WIDEST },
    ),
    ...(left > 0 ? [`… and ${left} more.`] : []),
    '',
    ...(home === null
      ? []
      : [`Its home is kept in ${home}: logs/<process>/ and logs/longshore.log tell who did what.`]),
    `The same faults again: longshore chaos --seed ${seed}`,
  ];
}
