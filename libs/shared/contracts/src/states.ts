import { z } from 'zod';

/** The states of a run, as stored. */
export const runStateSchema = z.enum(['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled']);
export type RunState = z.infer<typeof runStateSchema>;

/**
 * The one table of legal moves. `running → queued` is a retry, a hand-back or a lapsed session;
 * `running → waiting` is a fan-out; a waiting run is ended by its continuation.
 * Terminal states have no way out: that is the one-way terminal guard.
 */
export const legalMoves: Readonly<Record<RunState, readonly RunState[]>> = Object.freeze({
  queued: ['running', 'failed', 'cancelled'],
  running: ['queued', 'waiting', 'succeeded', 'failed', 'cancelled'],
  waiting: ['succeeded', 'failed', 'cancelled'],
  succeeded: [],
  failed: [],
  cancelled: [],
});

/** True for a state that no run ever leaves. */
export function isTerminal(state: RunState): boolean {
  return legalMoves[state].length === 0;
}

/** The status of an execution as clients see it. */
export const executionStatusSchema = z.enum(['PENDING', 'EXECUTING', 'COMPLETED', 'ERROR', 'STOPPED']);
export type ExecutionStatus = z.infer<typeof executionStatusSchema>;

/**
 * Public status of an execution. Once claimed, everything that is not terminal is EXECUTING, a retry that waits
 * in a queue included, so a status never falls back.
 */
export function executionStatusOf(run: { state: RunState; everClaimed: boolean }): ExecutionStatus {
  switch (run.state) {
    case 'queued':
    case 'running':
    case 'waiting':
      return run.everClaimed ? 'EXECUTING' : 'PENDING';
    case 'succeeded':
      return 'COMPLETED';
    case 'failed':
      return 'ERROR';
    case 'cancelled':
      return 'STOPPED';
  }
}
