import { MAX_INLINE_OUTPUT_BYTES } from '@longshore/contracts';
import type { ClaimedRun, Output, Report } from '@longshore/contracts';
import type { Backoff } from '../definition/define-task.ts';
import type { CleanJson } from './clean-json.ts';
import type { Executed } from './execution.ts';
import type { Outcome } from './outcome.ts';

export interface ReportMeans {
  backoff: Backoff;
  /** Uniform in [0, 1). */
  random: () => number;
  /** Keeps an output that is too large for a report. */
  store: (text: string) => Promise<{ ref: string; size: number }>;
}

/** The report of how an attempt ended; undefined where the backend decided the end and knows. */
export async function reportOf(
  run: ClaimedRun,
  executed: Executed,
  means: ReportMeans,
): Promise<Report | undefined> {
  if (executed.kind === 'finished') return outcomeReport(run, executed.outcome, executed.durationMs, means);
  switch (executed.because) {
    case 'lapsed':
      return undefined;
    case 'cancelled':
    // Takes no effect, but tells that the slot is free again.
    case 'released':
      return releaseReport(run);
    case 'hard_limit':
      return outcomeReport(run, pastHardLimit(run), executed.durationMs, means);
  }
}

/** Gives a run back untouched. */
export function releaseReport(run: ClaimedRun): Report {
  return { ...identityOf(run), outcome: 'released' };
}

async function outcomeReport(
  run: ClaimedRun,
  outcome: Outcome,
  duration_ms: number,
  means: ReportMeans,
): Promise<Report> {
  const identity = identityOf(run);
  switch (outcome.kind) {
    case 'succeeded':
      return {
        ...identity,
        outcome: 'succeeded',
        output: await wireOutput(outcome.output, means),
        duration_ms,
      };
    case 'failed': {
      const output = outcome.output === null ? null : await wireOutput(outcome.output, means);
      const retry_after_ms = outcome.retryable ? pauseBefore(run.attempt, means) : null;
      return { ...identity, outcome: 'failed', error: outcome.error, output, retry_after_ms, duration_ms };
    }
    case 'fanned_out': {
      const { children, then, maxParallel } = outcome;
      return { ...identity, outcome: 'fanned_out', children, then, max_parallel: maxParallel, duration_ms };
    }
  }
}

function identityOf({ run_id, epoch, token }: ClaimedRun): Pick<Report, 'run_id' | 'epoch' | 'token'> {
  return { run_id, epoch, token };
}

async function wireOutput({ value, bytes, text }: CleanJson, { store }: ReportMeans): Promise<Output> {
  return bytes <= MAX_INLINE_OUTPUT_BYTES ? { inline: value } : store(text);
}

/** Doubles with each attempt; the jitter keeps runs that failed together from coming back together. */
function pauseBefore(attempt: number, { backoff, random }: ReportMeans): number {
  const longest = Math.min(backoff.capMs, backoff.baseMs * 2 ** (attempt - 1));
  return Math.round(longest * (0.5 + random() / 2));
}

function pastHardLimit(run: ClaimedRun): Outcome {
  const message = `It did not end within its hard limit of ${run.hard_limit_ms / 1000} s; its worker was restarted`;
  return {
    kind: 'failed',
    error: { code: 'hard_limit', message, detail: null },
    output: null,
    retryable: true,
  };
}
