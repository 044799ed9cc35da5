import type { ClaimedRun, DispatchMessage } from '@longshore/contracts';
import type { BackendClient } from '@longshore/api-client';
import type { Clock, Logger, Tracing } from '@longshore/runtime';
import type { TaskSet } from '../definition/task-set.ts';
import type { IsolatedWork } from './active-runs.ts';
import { createActiveRuns } from './active-runs.ts';
import { createJournal } from './journal.ts';
import { createParcels } from './parcels.ts';
import { createReporter } from './reporter.ts';
import type { RunnerMetrics } from './runner-metrics.ts';
import type { Session, SessionLink } from './session-link.ts';
import { createSessionLink } from './session-link.ts';
import { createSlots } from './slots.ts';
import { traceRuns, untracedRuns } from './traced-runs.ts';
import { unlessAborted } from './unless-aborted.ts';
import { createWorkflowCache } from './workflow-cache.ts';

/** What the rest of the process may know of its work. Times are monotonic milliseconds. */
export interface RunnerState {
  /** Slots in use: a parcel that is being claimed or carried out takes one. */
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
  /** Claims under this session from now on. When it lapses, its runs are taken from their handlers. */
  use(session: Session): void;
  /** Carries out a message of the broker: claims it and executes its runs one after the other. Their reports may still be under way. */
  handle(message: DispatchMessage): Promise<void>;
  /** Resolves when what has ended by now is reported, or given up. */
  told(): Promise<unknown>;
  /** These were cancelled. Other epochs of the same runs are not meant. */
  cancel(runs: readonly { run_id: string; epoch: number }[]): void;
  /** Starts nothing more, waits for what runs; what is left when the deadline aborts is given back. */
  stop(deadline: AbortSignal): Promise<void>;
  state(): RunnerState;
}

export interface RunnerOptions {
  tasks: TaskSet;
  isolated: IsolatedWork;
  client: Pick<BackendClient, 'call' | 'fetchFile' | 'fetchChildOutput' | 'storeOutput' | 'sendFile'>;
  logger: Logger;
  metrics: RunnerMetrics;
  clock: Clock;
  /** The most parcels that it has at once. */
  slots: number;
  /** For how long a parcel keeps what it has not started from slots that are free, ms. Default 1,000. */
  longParcelMs?: number;
  /** Uniform in [0, 1). */
  random?: () => number;
  tracing?: Tracing | undefined;
  /** The busy slots or the active runs are others than before. */
  onChange: () => void;
  /** A run is past its hard limit, and its handler cannot be stopped inside this process. */
  onHardLimit: (run: ClaimedRun) => void;
}

/** For reports and log lines after the deadline. */
const LAST_WORDS_MS = 3_000;

/** Claims, executes and reports. */
export function createRunner(options: RunnerOptions): Runner {
  const { tasks, isolated, client, logger, metrics, clock, onChange, random = Math.random } = options;
  const journal = createJournal({ client, logger, clock });
  const means = { client, journal, logger, workflows: createWorkflowCache(client) };
  const traced = options.tracing === undefined ? untracedRuns : traceRuns(options.tracing);
  const active = traced.active(createActiveRuns({ tasks, isolated, clock, onChange, means }));
  const reporter = traced.reporter(createReporter({ tasks, client, logger, metrics, random }));
  const stopping = new AbortController();
  // As told last: a cancel is told again until the run was let go.
  let cancelled: ReadonlySet<string> = new Set();
  const isCancelled = (run: ClaimedRun): boolean => cancelled.has(attemptOf(run));
  const hasFreeSlot = (): boolean => slots.state().busySlots < options.slots;
  const control = { isCancelled, hasFreeSlot, stopping: stopping.signal };
  const { carryOut, told } = createParcels({ ...options, ...control, active, reporter });
  let link = Promise.withResolvers<SessionLink>();
  let lastClaimAt: number | undefined;

  const slots = createSlots({ clock, onChange }, async (message) => {
    try {
      const open = await unlessAborted(link.promise, stopping.signal);
      const granted = await open.claim(message);
      metrics.claims.inc({ answer: granted.answer });
      lastClaimAt = clock.monotonic();
      if (granted.answer === 'granted') await carryOut(open, granted);
      else logger.debug('claim refused', { dispatch_id: message.dispatch_id, reason: granted.reason });
    } catch (error) {
      if (stopping.signal.aborted) return;
      logger.warn('dispatch not carried out', { dispatch_id: message.dispatch_id, error });
    }
  });
  const use = (session: Session): void => {
    link.resolve(traced.link(createSessionLink({ session, client, logger, metrics })));
    const onLapse = (): void => {
      // Whoever claims next waits for the next session.
      link = Promise.withResolvers();
      active.take('lapsed', (_run, its) => its === session);
    };
    session.signal.addEventListener('abort', onLapse, { once: true });
  };
  const stop = async (deadline: AbortSignal): Promise<void> => {
    stopping.abort();
    // What ends last adds its reports before its slot is free.
    const all = slots.idle().then(told);
    await unlessAborted(all, deadline).catch(() => active.take('released'));
    const lastWords = AbortSignal.timeout(LAST_WORDS_MS);
    await unlessAborted(all, lastWords).catch(() =>
      logger.warn('runs are left to the reconciler', slots.state()),
    );
    await journal.flush(lastWords);
  };
  return {
    ...{ handle: slots.take, use, stop, told },
    cancel: (runs) => {
      cancelled = new Set(runs.map(attemptOf));
      active.take('cancelled', isCancelled);
    },
    state: () => ({
      ...slots.state(),
      ...{ activeRuns: active.size, processedRuns: reporter.processed },
      ...{ lastClaimAt, hardDeadline: active.hardDeadline },
    }),
  };
}

function attemptOf({ run_id, epoch }: { run_id: string; epoch: number }): string {
  return `${run_id} ${epoch}`;
}
