import type { HealthChecks, HealthReport } from '@longshore/runtime';

/** One of the kinds of worker in a process. */
export interface PackedMember {
  readonly kind: string;
  /** Undefined until it begins to start. */
  readonly checks: HealthChecks | undefined;
}

/** Numbers that mean something as a sum. */
const SUMMED = ['active_tasks', 'processed_tasks', 'concurrency', 'free_slots'] as const;
const NOT_YET = 'it does not start yet';

/** Of all kinds in a process: unhealthy when one of them is, and ready when all are, for each has queues that nobody else here serves. */
export function packedHealth(members: readonly PackedMember[]): HealthChecks {
  return {
    health: async () => healthOf(await Promise.all(members.map(reportOf))),
    ready: async () => {
      for (const { kind, checks } of members) {
        const { ready, reason } = (await checks?.ready()) ?? { ready: false, reason: NOT_YET };
        if (!ready) return { ready, reason: `${kind}: ${reason}` };
      }
      return { ready: true };
    },
  };
}

interface KindReport extends HealthReport {
  readonly kind: string;
}

async function reportOf({ kind, checks }: PackedMember): Promise<KindReport> {
  const report = (await checks?.health()) ?? { healthy: true, reasons: [], details: {} };
  return { kind, ...report };
}

function healthOf(reports: readonly KindReport[]): HealthReport {
  const sumOf = (field: string): number =>
    reports.reduce((sum, { details }) => sum + (typeof details[field] === 'number' ? details[field] : 0), 0);
  return {
    healthy: reports.every(({ healthy }) => healthy),
    reasons: reports.flatMap(({ kind, reasons }) => reasons.map((reason) => `${kind}: ${reason}`)),
    details: {
      ...Object.fromEntries(SUMMED.map((field) => [field, sumOf(field)])),
      workers: reports.map(({ kind, healthy, details }) => ({ name: kind, healthy, ...details })),
    },
  };
}
