import { MAX_INLINE_OUTPUT_BYTES } from '@longshore/contracts';
import type { ClaimedRun, Output, Report, RunError } from '@longshore/contracts';
import { redact } from '@longshore/runtime';
import type { RetryPolicy } from '../definition/retry-policy.ts';
import { pauseAfter } from '../definition/retry-policy.ts';
import { TaskError } from '../definition/task-error.ts';
import type { CleanJson } from './clean-json.ts';
import { cleanText } from './clean-json.ts';
import type { Executed } from './execution.ts';
import type { Outcome } from './outcome.ts';
import { outcomeOfError } from './outcome.ts';

export interface ReportMeans {
  retry: RetryPolicy;
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
      return outcomeReport(run, pastHardLimit(run, means), executed.durationMs, means);
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
        output: inlineOutput(outcome.output) ?? (await means.store(outcome.output.text)),
        duration_ms,
      };
    case 'failed': {
      const output =
        outcome.output && (inlineOutput(outcome.output) ?? (await means.store(outcome.output.text)));
      const retry_after_ms = outcome.retryable ? pauseOf(outcome, run, means) : null;
      const error = shownError(outcome.error);
      return { ...identity, outcome: 'failed', error, output, retry_after_ms, duration_ms };
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

/** Undefined for an output that is too large for a report. */
function inlineOutput(output: CleanJson): Output | undefined {
  return output.bytes <= MAX_INLINE_OUTPUT_BYTES ? { inline: output.value } : undefined;
}

function pauseOf(
  { retryAfterMs }: Extract<Outcome, { kind: 'failed' }>,
  { attempt }: ClaimedRun,
  { retry, random }: ReportMeans,
): number {
  return retryAfterMs ?? pauseAfter(attempt, retry.backoff, random);
}

/** As it may be stored and shown: without secrets, and cut to what the contract allows. */
function shownError({ code, message, detail }: RunError): RunError {
  const shown = (text: string, maxLength: number): string => cleanText(String(redact(text)), maxLength);
  return { code, message: shown(message, 10_000), detail: detail === null ? null : shown(detail, 20_000) };
}

function pastHardLimit({ hard_limit_ms, attempt }: ClaimedRun, { retry }: ReportMeans): Outcome {
  const message = `It did not end within its hard limit of ${hard_limit_ms / 1000} s and was ended by force`;
  const outcome = outcomeOfError(new TaskError('hard_limit', message), retry, attempt);
  // Where this error was made says nothing about where the handler was.
  return outcome.kind === 'failed' ? { ...outcome, error: { ...outcome.error, detail: null } } : outcome;
}
