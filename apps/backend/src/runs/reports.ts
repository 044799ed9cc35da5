import type { Report, ReportAnswer } from '@longshore/contracts';
import type { TaskCatalogue } from '../dispatch/task-catalogue.ts';
import { isPlanning, type ExecutionContexts } from '../executions/contexts.ts';
import { superseded, type AttemptEnd, type EndAttempts } from './attempt-ends.ts';
import type { Cancellations } from './cancellations.ts';
import type { FanOutReport } from './fan-out.ts';
import { isOutputOf } from './output-names.ts';
import type { RunTokenClaims, RunTokens } from './run-tokens.ts';

export interface ReportsDependencies {
  readonly tokens: RunTokens;
  readonly catalogue: TaskCatalogue;
  readonly contexts: Pick<ExecutionContexts, 'rememberNone'>;
  readonly endAttempts: EndAttempts;
  readonly cancellations: Pick<Cancellations, 'letGo'>;
  readonly fanOut: (reports: readonly FanOutReport[]) => Promise<ReportAnswer[]>;
}

/**
 * Takes a batch of reports apart: what carries no valid token of its own run and epoch, or names a run a second
 * time, is refused alone; the rest takes effect together. One answer per item, in order.
 */
export function createReports({
  tokens,
  catalogue,
  contexts,
  endAttempts,
  cancellations,
  fanOut,
}: ReportsDependencies) {
  return async function report(reports: readonly Report[]): Promise<ReportAnswer[]> {
    const answers = new Map<Report, ReportAnswer>();
    const fanOuts: FanOutReport[] = [];
    const ends: AttemptEnd[] = [];
    const seen = new Set<string>();
    for (const item of reports) {
      const run = seen.has(item.run_id) ? 'reported twice in one batch' : runOf(tokens, item);
      if (typeof run === 'string') {
        answers.set(item, superseded(item.run_id, run));
        continue;
      }
      seen.add(item.run_id);
      if (item.outcome === 'fanned_out') {
        fanOuts.push(item);
        // Spares the claim of its children a look.
        if (run.executionId === run.runId && !isPlanning(run.task)) contexts.rememberNone(run.executionId);
      } else ends.push(endOf(item, run.executionId));
      if (item.outcome === 'succeeded' || item.outcome === 'fanned_out')
        catalogue.observe(run.task, item.duration_ms);
    }
    const byRun = new Map<string, ReportAnswer>();
    if (ends.length > 0) for (const answer of await endAttempts(ends)) byRun.set(answer.run_id, answer);
    if (fanOuts.length > 0) for (const answer of await fanOut(fanOuts)) byRun.set(answer.run_id, answer);
    const refused = reports.filter(
      (item) => !answers.has(item) && byRun.get(item.run_id)?.answer === 'superseded',
    );
    // Whatever it says of a run that was cancelled meanwhile: it is done with it.
    if (refused.length > 0) await cancellations.letGo(refused);
    return reports.map((item) => answers.get(item) ?? byRun.get(item.run_id)!);
  };
}

/** What the token of a report says, or why the report is refused. */
function runOf(tokens: RunTokens, item: Report): RunTokenClaims | string {
  const run = tokens.verify(item.token);
  if (run === null) return 'the run token is not valid';
  return run.runId === item.run_id && run.epoch === item.epoch
    ? run
    : 'the run token is of another run or epoch';
}

function endOf(item: Exclude<Report, FanOutReport>, executionId: string): AttemptEnd {
  const base = { runId: item.run_id, epoch: item.epoch, executionId, output: null, error: null, delayMs: 0 };
  switch (item.outcome) {
    case 'succeeded':
      return { ...base, to: 'succeeded', output: ownOutput(item, item.output) };
    case 'failed': {
      const output = item.output === null ? null : ownOutput(item, item.output);
      const retried = item.retry_after_ms !== null;
      return {
        ...base,
        to: retried ? 'retry' : 'failed',
        error: item.error,
        output,
        delayMs: item.retry_after_ms ?? 0,
      };
    }
    case 'released':
      return { ...base, to: 'released' };
  }
}

/** A reference may only name what this very run stored; anything else is treated as no output. */
function ownOutput({ run_id, epoch }: Report, output: Extract<Report, { outcome: 'succeeded' }>['output']) {
  return 'ref' in output && !isOutputOf({ runId: run_id, epoch }, output.ref) ? null : output;
}
