import type { SkippedTaskFile } from '@longshore/contracts';
import type { Clock, HealthChecks, HealthReport } from '@longshore/runtime';
import type { ConsumerState } from '@longshore/broker';
import type { RunnerState } from '../execution/runner.ts';
import type { SessionState } from '../session/sessions.ts';

/** What the health of a worker is judged by. */
export interface HealthFacts {
  readonly concurrency: number;
  readonly queues: readonly string[];
  readonly runner: RunnerState;
  readonly session: SessionState;
  /** Undefined while the worker does not consume yet. */
  readonly consumer: ConsumerState | undefined;
  readonly stopping: boolean;
  readonly skippedTaskFiles: readonly SkippedTaskFile[];
  /** What it cannot begin without, and is not there. */
  readonly waitsFor: string | undefined;
  /** Monotonic milliseconds. */
  readonly now: number;
}

/** Work waits for this pool and this process, which has room for it, takes none. */
const NOTHING_CLAIMED_MS = 20_000;

/** Health and readiness of a worker; see {@link healthOf}. */
export function workerHealth(facts: () => Omit<HealthFacts, 'now'>, clock: Clock): HealthChecks {
  return {
    health: () => healthOf({ ...facts(), now: clock.monotonic() }),
    ready: () => readinessOf({ ...facts(), now: clock.monotonic() }),
  };
}

/**
 * Red when there is room and dispatched work and nothing was claimed for 20 s, and while the backend refuses its key. A worker with all slots
 * busy is healthy, however long its runs take. (Of a main loop that stands still the front at the health port tells, where there is one; else nothing answers, which is red too.)
 */
export function healthOf(facts: HealthFacts): HealthReport {
  const { runner, session, consumer, concurrency, queues, stopping } = facts;
  const idleForMs = stopping || runner.busySlots >= concurrency ? 0 : idleBesideWork(facts);
  const refused =
    session.refusal === undefined || stopping ? [] : [`the backend refuses it: ${session.refusal}`];
  const idle =
    idleForMs < NOTHING_CLAIMED_MS
      ? []
      : [
          `work waits for it (${session.dispatched}), it has room (${concurrency - runner.busySlots}), and nothing was ` +
            `claimed for ${Math.floor(idleForMs / 1000)} s`,
          ...(consumer === undefined
            ? []
            : [`it listens to the broker at ${consumer.address}: the backend must use the same one`]),
          ...(consumer?.trouble === undefined ? [] : [consumer.trouble]),
        ];
  const reasons = [...refused, ...idle];
  return {
    healthy: reasons.length === 0,
    reasons,
    details: {
      active_tasks: runner.activeRuns,
      processed_tasks: runner.processedRuns,
      concurrency,
      free_slots: Math.max(0, concurrency - runner.busySlots),
      queues,
      dispatched: session.dispatched,
      session_id: session.sessionId ?? null,
      broker: consumer?.address ?? null,
      broker_connected: consumer?.connected ?? false,
      broker_trouble: consumer?.trouble ?? null,
      stopping,
      // Of no harm to the others, so no reason to be unhealthy.
      skipped_task_files: facts.skippedTaskFiles,
    },
  };
}

/**
 * For how long there has been room beside work without a claim. The work may have been published right after the
 * heartbeat that told of none, so it counts from there; but one heartbeat that tells of some is a moment, not a state.
 */
function idleBesideWork({ runner, session, now }: HealthFacts): number {
  if (session.timesDispatched < 2) return 0;
  return now - Math.max(session.noneDispatchedAt, runner.lastClaimAt ?? 0, runner.lastFreedAt ?? 0);
}

function readinessOf({ session, consumer, stopping, waitsFor }: HealthFacts): {
  ready: boolean;
  reason?: string;
} {
  if (stopping) return { ready: false, reason: 'this worker is stopping' };
  if (session.refusal !== undefined)
    return { ready: false, reason: `the backend refuses it: ${session.refusal}` };
  if (waitsFor !== undefined) return { ready: false, reason: `it waits for ${waitsFor}` };
  if (session.sessionId === undefined)
    return { ready: false, reason: 'it is not registered with the backend yet' };
  if (consumer === undefined) return { ready: false, reason: 'it does not listen to the broker yet' };
  return { ready: true };
}
