import type { Decision } from './decide.ts';

/** A line of the history of a schedule, as it is written. */
export interface Line {
  readonly schedule_id: string;
  readonly organisation_id: string;
  readonly fire_at: Date;
  readonly outcome: 'fired' | 'waiting' | 'skipped' | 'failed';
  readonly reason: string | null;
  readonly by_hand: boolean;
  readonly last_at: Date | null;
  readonly count: number | null;
  readonly due_at: Date | null;
  readonly run_id: string | null;
}

interface Written {
  readonly id: string;
  readonly organisationId: string;
  readonly nextAt: Date | null;
  readonly dueAt: Date | null;
  /** The line of times skipped last, and why they were. */
  readonly skippedAt: Date | null;
  readonly skippedFor: string | null;
  /** Why nothing can be run. */
  readonly obstacle: string | null;
}

/**
 * The lines for what was decided; a decision to fire without a run is one that failed. Times that are skipped one after the other
 * for one reason go into one line, also into that of an earlier decision.
 */
export function linesOf(
  schedule: Written,
  decisions: readonly Decision[],
  runs: ReadonlyMap<Decision, string>,
): Line[] {
  const lines: Line[] = [];
  let open = schedule.skippedAt !== null ? { at: schedule.skippedAt, reason: schedule.skippedFor } : null;
  for (const decision of decisions) {
    const line = lineOf(schedule, decision, runs.get(decision) ?? null);
    if (line.outcome !== 'skipped') open = null;
    else if (open === null || open.reason !== line.reason) open = { at: line.fire_at, reason: line.reason };
    const before = lines.at(-1);
    if (line.outcome === 'skipped' && before?.outcome === 'skipped' && before.reason === line.reason)
      lines[lines.length - 1] = { ...before, last_at: line.last_at, count: sum(before.count, line.count) };
    else lines.push(open === null ? line : { ...line, fire_at: open.at });
  }
  return lines;
}

function sum(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : one + other;
}

function lineOf(schedule: Written, decision: Decision, run: string | null): Line {
  const { fireAt, lastAt, count } = decision;
  const failed = decision.outcome === 'fired' && run === null;
  const isSkipped = decision.outcome === 'skipped';
  return {
    schedule_id: schedule.id,
    organisation_id: schedule.organisationId,
    fire_at: new Date(fireAt),
    outcome: failed ? 'failed' : decision.outcome,
    reason: failed ? schedule.obstacle : decision.reason,
    by_hand: false,
    last_at: isSkipped ? new Date(lastAt ?? fireAt) : null,
    count,
    due_at: new Date(fireAt + (schedule.dueAt!.getTime() - schedule.nextAt!.getTime())),
    run_id: run,
  };
}
