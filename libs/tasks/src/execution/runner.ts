import type { ClaimedRun, DispatchMessage, ExecutionContext, Report } from '@longshore/contracts';
import type { BackendClient } from '@longshore/api-client';
import type { Clock, Logger } from '@longshore/runtime';
import type { TaskSet } from '../definition/task-set.ts';
import type { Executed, Execution } from './execution.ts';
import { startExecution } from './execution.ts';
import { createJournal } from './journal.ts';
import { outcomeOfError } from './outcome.ts';
import { releaseReport, reportOf } from './report.ts';
import { createRunContext } from './run-context.ts';
import type { RunnerMetrics } from './runner-metrics.ts';
import type { Session, SessionLink } from './session-link.ts';
import { createSessionLink } from './session-link.ts';
import { createWorkflowCache } from './workflow-cache.ts';
import { TaskError } from '../definition/task-error.ts';

/** What the rest of the process may know of its work. Times are monotonic milliseconds. */
export interface RunnerState {
  /** Slots in use: a parcel that is claimed or carried out takes one. */
  readonly busySlots: number;
  readonly activeRuns: number;
  /** Attempts that ended since the start. */
  readonly processedRuns: number;
  readonly lastClaimAt: number | undefined;
  /** When a slot was last set free. */
  readonly lastFreedAt: number | undefined;
  /** When the first of the active runs reaches its hard limit. */
  readonly hardDeadline: number | undefined;
}

export interface Runner {
  /** Claims under this session from now on. Runs of the one before are taken from their handlers when that lapses. */
  use(session: Session): void;
  /** Carries out a message of the broker: claims it, executes its runs one after the other, reports each. */
  handle(message: DispatchMessage): Promise<void>;
  /** These were cancelled; other epochs of the same runs are not meant. */
  cancel(runs: readonly { run_id: string; epoch: number }[]): void;
  /** Starts nothing more, waits for what runs; what is left when the deadline aborts is given back. */
  stop(deadline: AbortSignal): Promise<void>;
  state(): RunnerState;
}

export interface RunnerOptions {
  tasks: TaskSet;
  client: Pick<BackendClient, 'call' | 'fetchFile' | 'storeOutput'>;
  logger: Logger;
  metrics: RunnerMetrics;
  clock: Clock;
  random?: () => number;
  /** The slots in use, or the active runs, are others than before. */
  onChange: () => void;
  /** A run went past its hard limit and cannot be stopped inside this process. */
  onHardLimit: (run: ClaimedRun) => void;
}

/** For reports, log lines and handing back after the deadline. */
const LAST_WORDS_MS = 3_000;

/** Claims, executes and reports. */
export function createRunner(options: RunnerOptions): Runner {
  const { tasks, client, logger, metrics, clock, onChange, onHardLimit, random = Math.random } = options;
  const journal = createJournal({ client, logger, clock });
  const workflows = createWorkflowCache(client);
  const means = { client, journal, workflows, logger };
  const held = new Map<string, Promise<void>>();
  const active = new Map<string, Execution>();
  let link = Promise.withResolvers<SessionLink>();
  const stopping = new AbortController();
  let processedRuns = 0;
  let lastClaimAt: number | undefined;
  let lastFreedAt: number | undefined;

  const execute = async (run: ClaimedRun, execution: ExecutionContext | null): Promise<Executed> => {
    const task = tasks.get(run.task);
    if (task === undefined) return unknownTask(run);
    const started = startExecution({
      run,
      task,
      clock,
      context: (signal) => createRunContext(run, execution, signal, means),
    });
    active.set(run.run_id, started);
    onChange();
    const executed = await started.ended;
    active.delete(run.run_id);
    onChange();
    return executed;
  };
  const tell = async ({ session, report }: SessionLink, run: ClaimedRun, told: Report): Promise<void> => {
    try {
      const { answer, reason } = await report(told);
      if (answer === 'accepted') return;
      const level = answer === 'rejected' ? 'error' : 'info';
      logger[level](`report ${answer}`, { run_id: run.run_id, epoch: run.epoch, outcome: told.outcome, reason });
    } catch (error) {
      if (!session.signal.aborted) logger.error('report not delivered', { run_id: run.run_id, error });
    }
  };
  const conclude = async (via: SessionLink, run: ClaimedRun, executed: Executed): Promise<void> => {
    const { runToken, signal } = { runToken: run.token, signal: via.session.signal };
    const store = (text: string) => client.storeOutput(run.run_id, Buffer.from(text), { runToken, signal });
    const backoff = tasks.get(run.task)?.backoff ?? { baseMs: 0, capMs: 0 };
    const report = await reportOf(run, executed, { backoff, random, store }).catch((error: unknown) => {
      // The output cannot be stored: that is how this attempt ended.
      const outcome = outcomeOfError(error);
      return reportOf(run, { ...executed, kind: 'finished', outcome }, { backoff, random, store });
    });
    note(run, executed);
    if (report !== undefined && !signal.aborted) await tell(via, run, report);
  };
  const note = (run: ClaimedRun, executed: Executed): void => {
    processedRuns += 1;
    const outcome = executed.kind === 'finished' ? executed.outcome.kind : executed.because;
    metrics.runs.inc({ task: run.task, outcome });
    metrics.duration.observe({ task: run.task }, executed.durationMs / 1000);
    const { run_id, execution_id, task, attempt } = run;
    const duration_ms = Math.round(executed.durationMs);
    const error = executed.kind === 'finished' && executed.outcome.kind === 'failed' ? executed.outcome.error : undefined;
    logger.info('run ended', { run_id, execution_id, task, attempt, outcome, duration_ms, ...(error && { error }) });
    if (outcome === 'hard_limit') onHardLimit(run);
  };
  /** Runs one after the other; a report does not hold up the next run, but the parcel is done when all are told. */
  const carryOut = async (
    via: SessionLink,
    runs: readonly ClaimedRun[],
    executions: ReadonlyMap<string, ExecutionContext>,
  ): Promise<void> => {
    const told: Promise<void>[] = [];
    for (const run of runs) {
      if (via.session.signal.aborted) break;
      if (stopping.signal.aborted) told.push(tell(via, run, releaseReport(run)));
      else told.push(conclude(via, run, await execute(run, executions.get(run.execution_id) ?? null)));
    }
    await Promise.all(told);
  };
  const claimAndCarryOut = async (message: DispatchMessage): Promise<void> => {
    const via = await unlessAborted(link.promise, stopping.signal);
    const { answer, reason, runs, executions } = await via.claim(message);
    metrics.claims.inc({ answer });
    lastClaimAt = clock.monotonic();
    if (answer === 'granted') return carryOut(via, runs, executions);
    logger.debug('claim refused', { dispatch_id: message.dispatch_id, reason });
  };
  const handle = async (message: DispatchMessage): Promise<void> => {
    const { dispatch_id } = message;
    if (held.has(dispatch_id)) return logger.debug('dispatch is already held', { dispatch_id });
    const work = claimAndCarryOut(message).catch((error: unknown) => {
      if (!stopping.signal.aborted) logger.warn('dispatch not carried out', { dispatch_id, error });
    });
    held.set(dispatch_id, work);
    onChange();
    await work;
    held.delete(dispatch_id);
    lastFreedAt = clock.monotonic();
    onChange();
  };
  const takeAll = (because: 'lapsed' | 'released', of?: Session): void => {
    for (const execution of active.values()) execution.take(because);
  };
  return {
    handle,
    use: (session) => {
      const opened = createSessionLink({ session, client, logger, metrics });
      link.resolve(opened);
      link = Promise.withResolvers();
      link.resolve(opened);
      session.signal.addEventListener('abort', () => takeAll('lapsed', session), { once: true });
    },
    cancel: (runs) => {
      for (const { run_id, epoch } of runs) {
        const execution = active.get(run_id);
        if (execution?.run.epoch === epoch) execution.take('cancelled');
      }
    },
    stop: async (deadline) => {
      stopping.abort();
      const all = Promise.all(held.values());
      await unlessAborted(all, deadline).catch(() => takeAll('released'));
      const lastWords = AbortSignal.timeout(LAST_WORDS_MS);
      await unlessAborted(all, lastWords).catch(() => undefined);
      await journal.flush(lastWords);
    },
    state: () => ({
      busySlots: held.size,
      activeRuns: active.size,
      processedRuns,
      lastClaimAt,
      lastFreedAt,
      hardDeadline: active.size === 0 ? undefined : Math.min(...active.values().map((each) => each.hardDeadline)),
    }),
  };
}

function unknownTask(run: ClaimedRun): Executed {
  const error = new TaskError('unknown_task', `This worker has no task ${run.task}`, { retryable: false });
  return { kind: 'finished', outcome: outcomeOfError(error), durationMs: 0 };
}

/** As the promise, but rejects as soon as the signal aborts. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason as Error);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
