import type { ClaimedRun } from '@longshore/contracts';
import type { Span, Tracing } from '@longshore/runtime';
import type { ActiveRuns } from './active-runs.ts';
import type { Executed } from './execution.ts';
import type { Reporter } from './reporter.ts';
import type { SessionLink } from './session-link.ts';

/** Sees the attempts at runs of traced requests: each is a span of its request, from the claim to the report. */
export interface RunTracing {
  link(link: SessionLink): SessionLink;
  active(active: ActiveRuns): ActiveRuns;
  reporter(reporter: Reporter): Reporter;
}

/** Where nothing is traced. */
export const untracedRuns: RunTracing = {
  link: (link) => link,
  active: (active) => active,
  reporter: (reporter) => reporter,
};

export function traceRuns(tracing: Tracing): RunTracing {
  // By the object: the same run may come back while its last attempt has not heeded its signal yet.
  const attempts = new WeakMap<ClaimedRun, Span>();
  const begin = (run: ClaimedRun, parent: string, startedAt: number): void => {
    const attributes = attributesOf(run);
    const attempt = tracing.start(run.task, { parent, kind: 'consumer', attributes, startedAt });
    if (!attempt.isRecorded) return;
    tracing.start('claim', { parent: attempt, kind: 'client', startedAt }).end();
    attempts.set(run, attempt);
  };
  const part = <T>(name: string, run: ClaimedRun, act: () => Promise<T>): Promise<T> => {
    const parent = attempts.get(run);
    return parent === undefined ? act() : tracing.span(name, { parent }, act);
  };
  const end = (run: ClaimedRun, outcome: string, failure?: string): void => {
    const attempt = attempts.get(run);
    attempt?.set({ 'longshore.outcome': outcome });
    attempt?.end(failure);
  };
  return {
    link: (link) => ({
      ...link,
      claim: async (message) => {
        const askedAt = Date.now();
        const granted = await link.claim(message);
        for (const run of granted.runs) {
          const trace = granted.traces?.[run.execution_id];
          if (trace !== undefined) begin(run, trace, askedAt);
        }
        return granted;
      },
    }),
    active: (active) => ({
      get size() {
        return active.size;
      },
      get hardDeadline() {
        return active.hardDeadline;
      },
      take: active.take,
      execute: (run, execution, session) =>
        part('execute', run, () => active.execute(run, execution, session)),
    }),
    reporter: (reporter) => ({
      get processed() {
        return reporter.processed;
      },
      conclude: async (link, run, executed) => {
        await part('report', run, () => reporter.conclude(link, run, executed));
        end(run, ...endOf(executed));
      },
      release: async (link, run) => {
        await part('report', run, () => reporter.release(link, run));
        end(run, 'released');
      },
    }),
  };
}

function attributesOf(run: ClaimedRun) {
  const { run_id, execution_id, organisation_id, task, attempt, file } = run;
  return {
    'longshore.run.id': run_id,
    'longshore.execution.id': execution_id,
    'longshore.organisation.id': organisation_id,
    'longshore.task': task,
    'longshore.attempt': attempt,
    ...(file !== null && { 'longshore.file.id': file.file_id, 'longshore.file.size': file.size }),
  };
}

/** How it is called, and why it failed. */
function endOf(executed: Executed): [outcome: string, failure?: string] {
  if (executed.kind === 'taken') return [executed.because, `taken: ${executed.because}`];
  const { outcome } = executed;
  return outcome.kind === 'failed' ? [outcome.kind, outcome.error.message] : [outcome.kind];
}
