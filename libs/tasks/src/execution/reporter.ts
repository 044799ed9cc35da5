import type { ClaimedRun, Report } from '@longshore/contracts';
import type { BackendClient } from '@longshore/api-client';
import { isRetryable } from '@longshore/api-client';
import type { Logger } from '@longshore/runtime';
import type { RetryPolicy } from '../definition/retry-policy.ts';
import { DEFAULT_BACKOFF } from '../definition/retry-policy.ts';
import type { TaskSet } from '../definition/task-set.ts';
import { TaskError } from '../definition/task-error.ts';
import type { Executed } from './execution.ts';
import { outcomeOfError } from './outcome.ts';
import { releaseReport, reportOf } from './report.ts';
import type { RunnerMetrics } from './runner-metrics.ts';
import type { SessionLink } from './session-link.ts';

/** Tells the backend how attempts ended. */
export interface Reporter {
  /** Attempts that ended since the start. */
  readonly processed: number;
  /** Resolves when the backend answered, or the session lapsed. Never rejects. */
  conclude(link: SessionLink, run: ClaimedRun, executed: Executed): Promise<void>;
  /** Gives back a run that was not started. */
  release(link: SessionLink, run: ClaimedRun): Promise<void>;
}

export interface ReporterOptions {
  tasks: TaskSet;
  client: Pick<BackendClient, 'storeOutput'>;
  logger: Logger;
  metrics: RunnerMetrics;
  random: () => number;
}

/** Of a task that this worker does not have. */
const DEFAULT_RETRY: RetryPolicy = { backoff: DEFAULT_BACKOFF, retryIf: undefined };

export function createReporter({ tasks, client, logger, metrics, random }: ReporterOptions): Reporter {
  let processed = 0;

  const tell = async (link: SessionLink, report: Report): Promise<void> => {
    const { run_id, epoch, outcome } = report;
    try {
      const { answer, reason } = await link.report(report);
      if (answer === 'accepted') return;
      logger[answer === 'rejected' ? 'error' : 'info'](`report ${answer}`, {
        run_id,
        epoch,
        outcome,
        reason,
      });
    } catch (error) {
      if (!link.session.signal.aborted)
        logger.error('report not delivered', { run_id, epoch, outcome, error });
    }
  };
  const composed = async (
    link: SessionLink,
    run: ClaimedRun,
    executed: Executed,
  ): Promise<Report | undefined> => {
    const settings = { runToken: run.token, signal: link.session.signal };
    const store = async (text: string) => {
      try {
        return await client.storeOutput(run.run_id, Buffer.from(text), settings);
      } catch (error) {
        throw new TaskError('output_not_stored', 'The output could not be stored', {
          retryable: isRetryable(error),
          cause: error,
        });
      }
    };
    const retry = tasks.get(run.task)?.retry ?? DEFAULT_RETRY;
    const means = { retry, random, store };
    try {
      return await reportOf(run, executed, means);
    } catch (error) {
      const outcome = outcomeOfError(error, retry, run.attempt);
      return reportOf(run, { kind: 'finished', outcome, durationMs: executed.durationMs }, means);
    }
  };
  return {
    get processed() {
      return processed;
    },
    conclude: async (link, run, executed) => {
      processed += 1;
      record(run, executed, { logger, metrics });
      const report = await composed(link, run, executed);
      if (report !== undefined && !link.session.signal.aborted) await tell(link, report);
    },
    release: (link, run) => tell(link, releaseReport(run)),
  };
}

/** One line and one measurement for each attempt. */
function record(
  run: ClaimedRun,
  executed: Executed,
  { logger, metrics }: Pick<ReporterOptions, 'logger' | 'metrics'>,
) {
  const { run_id, execution_id, task, attempt } = run;
  const ended = executed.kind === 'finished' ? executed.outcome : undefined;
  const outcome = executed.kind === 'finished' ? executed.outcome.kind : executed.because;
  metrics.runs.inc({ task, outcome });
  metrics.duration.observe({ task }, executed.durationMs / 1000);
  const duration_ms = Math.round(executed.durationMs);
  const problem = ended?.kind === 'failed' ? { code: ended.error.code, reason: ended.error.message } : {};
  logger.infoSoon('run ended', { run_id, execution_id, task, attempt, outcome, duration_ms, ...problem });
}
