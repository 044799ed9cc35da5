import type { Violation } from './check-ledger.ts';
import type { WebhookFigures } from './check-webhooks.ts';
import { describeFault, type Fault, type FaultKind, faultKinds } from './fault.ts';
import { hasEnded, type LedgerEntry, type Outcome } from './ledger.ts';
import { hasEnded as taskHasEnded, type TaskEntry } from './task-load.ts';

/** A fault that took effect, and when, in milliseconds of the client's monotonic clock. */
export interface InjectedFault {
  readonly at: number;
  readonly fault: Fault;
}

/** What a run of faults came to, as `--json` prints it. */
export interface ChaosSummary {
  readonly seed: number;
  readonly broker: 'redis' | 'postgres';
  readonly duration_s: number;
  readonly faults: Readonly<Record<FaultKind, number>>;
  readonly executions: { readonly accepted: number; readonly ended: number; readonly across_a_fault: number };
  /** `rows`: in the table that is a destination. */
  readonly files: { readonly sent: number; readonly results: number; readonly rows: number };
  readonly tasks: { readonly accepted: number; readonly ended: number };
  /** What the receiver of a webhook was told of what ended. */
  readonly webhooks: WebhookFigures;
  /** What was accepted and did not end, or is gone. */
  readonly losses: number;
  /** What was done twice. */
  readonly duplicates: number;
  readonly violations: readonly Violation[];
  /** The longest time an execution took in which a fault struck. */
  readonly slowest_recovery: SlowestRecovery | null;
  /** The kept home; null: removed. */
  readonly home: string | null;
}

export interface SlowestRecovery {
  readonly ms: number;
  readonly execution_id: string;
  /** How many faults struck while it was under way, and the last of them. */
  readonly faults: number;
  readonly fault: string;
}

export interface SummaryInput extends Pick<
  ChaosSummary,
  'seed' | 'broker' | 'duration_s' | 'webhooks' | 'violations' | 'home'
> {
  readonly entries: readonly LedgerEntry[];
  readonly tasks: readonly TaskEntry[];
  readonly injected: readonly InjectedFault[];
  readonly rows: number;
}

export function summarise({
  entries,
  tasks,
  injected,
  rows,
  violations,
  ...given
}: SummaryInput): ChaosSummary {
  const accepted = entries.filter(({ executionIds }) => executionIds.length > 0);
  const recoveries = accepted.flatMap((entry) => recoveryOf(entry, injected));
  const counts = faultKinds.map((kind) => [kind, injected.filter(({ fault }) => fault.kind === kind).length]);
  const ofKind = (kind: Violation['kind']): number => violations.filter((one) => one.kind === kind).length;
  return {
    ...given,
    faults: Object.fromEntries(counts) as Record<FaultKind, number>,
    executions: {
      accepted: accepted.length,
      ended: accepted.filter(({ first, last }) => (last ?? first) !== undefined).length,
      across_a_fault: recoveries.length,
    },
    files: {
      sent: accepted.reduce(
        (sum, { files }) => sum + files.filter(({ wasDelivered }) => !wasDelivered).length,
        0,
      ),
      results: accepted.reduce((sum, { last }) => sum + processedIn(last), 0),
      rows,
    },
    tasks: {
      accepted: tasks.filter(({ executionIds }) => executionIds.length > 0).length,
      ended: tasks.filter(({ last }) => last !== undefined && taskHasEnded(last)).length,
    },
    losses: ofKind('lost'),
    duplicates: ofKind('doubled'),
    violations,
    slowest_recovery: recoveries.toSorted((one, other) => other.ms - one.ms)[0] ?? null,
  };
}

/** What was skipped is not counted. */
function processedIn(outcome: Outcome | undefined): number {
  return outcome?.results.filter(({ status }) => status !== 'Skipped').length ?? 0;
}

/** How long an execution took from its request to its end, when a fault struck in between; else nothing. */
function recoveryOf(entry: LedgerEntry, injected: readonly InjectedFault[]): SlowestRecovery[] {
  const { postedAt, samples, executionIds } = entry;
  const endedAt = samples.find(({ status }) => hasEnded(status))?.at;
  const end = endedAt ?? Infinity;
  const struck = injected.filter(({ at }) => at >= postedAt && at <= end);
  const last = struck.at(-1);
  const [id] = executionIds;
  if (last === undefined || endedAt === undefined || id === undefined) return [];
  const ms = Math.round(endedAt - postedAt);
  return [{ ms, execution_id: id, faults: struck.length, fault: describeFault(last.fault) }];
}
