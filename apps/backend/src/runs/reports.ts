import type { Report, ReportAnswer } from '@longshore/contracts';
import type { TaskCatalogue } from '../dispatch/task-catalogue.ts';
import { superseded, type AttemptEnd, type EndAttempts } from './attempt-ends.ts';
import type { FanOutReport } from './fan-out.ts';
import type { RunTokens } from './run-tokens.ts';

export interface ReportsDependencies {
  readonly tokens: RunTokens;
  readonly catalogue: TaskCatalogue;
  readonly endAttempts: EndAttempts;
  readonly fanOut: (reports: readonly FanOutReport[]) => Promise<ReportAnswer[]>;
}

/**
 * Takes a batch of reports apart: what carries no valid token of its own run and epoch, or names a run a second
 * time, is refused alone; the rest takes effect together. One answer per item, in order.
 */
export function createReports({ tokens, catalogue, endAttempts, fanOut }: ReportsDependencies) {
  return async function report(reports: readonly Report[]): Promise<ReportAnswer[]> {
    const answers = new Map<Report, ReportAnswer>();
    const seen = new Set<string>();
    for (const item of reports) {
      const refusal = seen.has(item.run_id) ? 'reported twice in one batch' : tokenRefusal(tokens, item);
      if (refusal !== null) answers.set(item, superseded(item.run_id, refusal));
      else seen.add(item.run_id);
    }
    const valid = reports.filter((item) => !answers.has(item));
    const byRun = new Map<string, ReportAnswer>();
    const fanOuts = valid.filter((item): item is FanOutReport => item.outcome === 'fanned_out');
    const ends = valid.filter((item) => item.outcome !== 'fanned_out').map(endOf);
    observeDurations(catalogue, valid, tokens);
    if (ends.length > 0) for (const answer of await endAttempts(ends)) byRun.set(answer.run_id, answer);
    if (fanOuts.length > 0) for (const answer of await fanOut(fanOuts)) byRun.set(answer.run_id, answer);
    return reports.map((item) => answers.get(item) ?? byRun.get(item.run_id)!);
  };
}

function tokenRefusal(tokens: RunTokens, item: Report): string | null {
  const claims = tokens.verify(item.token);
  if (claims === null) return 'the run token is not valid';
  return claims.runId === item.run_id && claims.epoch === item.epoch
    ? null
    : 'the run token is of another run or epoch';
}

function endOf(item: Exclude<Report, FanOutReport>): AttemptEnd {
  const base = { runId: item.run_id, epoch: item.epoch, task: null, output: null, error: null, delayMs: 0 };
  switch (item.outcome) {
    case 'succeeded':
      return { ...base, to: 'succeeded', output: ownOutput(item.run_id, item.output) };
    case 'failed': {
      const output = item.output === null ? null : ownOutput(item.run_id, item.output);
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
function ownOutput(runId: string, output: Extract<Report, { outcome: 'succeeded' }>['output']) {
  return 'ref' in output && !output.ref.startsWith(`outputs/${runId}-`) ? null : output;
}

function observeDurations(catalogue: TaskCatalogue, reports: readonly Report[], tokens: RunTokens): void {
  for (const item of reports) {
    if (item.outcome !== 'succeeded') continue;
    const task = tokens.taskOf(item.token);
    if (task !== null) catalogue.observe(task, item.duration_ms);
  }
}
