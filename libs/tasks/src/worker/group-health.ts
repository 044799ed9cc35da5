import type { ChildState, HealthReport } from '@longshore/runtime';
import type { ProcessState } from './health-channel.ts';

/** What is known of one of the processes of a worker. */
export interface MemberFacts {
  readonly name: string;
  readonly state: ChildState;
  readonly pid: number | undefined;
  readonly restarts: number;
  readonly crashLooping: boolean;
  /** Undefined: it does not answer now. */
  readonly said: ProcessState | undefined;
  /** Since it was asked what it has not answered, or was started, milliseconds. */
  readonly silentForMs: number;
}

/** A main loop that stands still cannot answer; a short while it may. */
const SILENT_MS = 20_000;

/** Numbers that mean something as a sum. */
const SUMMED = ['active_tasks', 'processed_tasks', 'concurrency', 'free_slots'] as const;

/**
 * One report for all processes. Red when one of them is red, is in a crash loop or has not answered for 20 s, and when none runs. One that
 * died and waits for its next start is no reason: the others work on.
 */
export function groupHealth(members: readonly MemberFacts[], stopping: boolean): HealthReport {
  const alive = members.filter(({ state }) => state === 'running' || state === 'stopping');
  const reasons = [
    ...members.flatMap(reasonsOf),
    ...(alive.length === 0 && !stopping ? [`none of the ${members.length} processes runs`] : []),
  ];
  const details = members.map(({ said }) => said?.report.details ?? {});
  const sums = SUMMED.map((field) => [field, sum(details.map((one) => one[field]))] as const);
  return {
    healthy: reasons.length === 0,
    reasons,
    details: {
      ...Object.fromEntries(sums),
      worker_count: members.length,
      stopping,
      processes: members.map(processOf),
    },
  };
}

function reasonsOf({ name, state, restarts, crashLooping, said, silentForMs }: MemberFacts): string[] {
  if (crashLooping) return [`${name} is in a crash loop: it was started again ${restarts} times`];
  if (state !== 'running') return [];
  if (said === undefined && silentForMs >= SILENT_MS)
    return [`${name} has not answered for ${Math.floor(silentForMs / 1000)} s`];
  return said?.report.healthy === false ? said.report.reasons.map((reason) => `${name}: ${reason}`) : [];
}

function processOf({ name, state, pid, restarts, crashLooping, said }: MemberFacts) {
  const { ready = false, reason } = said?.readiness ?? {};
  const healthy = said?.report.healthy ?? null;
  return {
    ...{ name, state, pid: pid ?? null, restarts, crash_loop: crashLooping, healthy, ready },
    ...(reason !== undefined && { not_ready_because: reason }),
    ...said?.report.details,
  };
}

function sum(values: readonly unknown[]): number {
  return values.reduce<number>((left, value) => (typeof value === 'number' ? left + value : left), 0);
}

/** Ready as long as one of them is: it gets work. */
export function groupReadiness(
  members: readonly MemberFacts[],
  stopping: boolean,
): { ready: boolean; reason?: string } {
  if (stopping) return { ready: false, reason: 'this worker is stopping' };
  if (members.some(({ said }) => said?.readiness.ready === true)) return { ready: true };
  const reasons = members.flatMap(({ name, said }) =>
    said?.readiness.reason === undefined ? [] : [`${name}: ${said.readiness.reason}`],
  );
  return { ready: false, reason: reasons[0] ?? 'none of its processes answers yet' };
}
