import { ApiError, MAX_BATCH_BYTES, MAX_BATCH_ITEMS, routes } from '@longshore/contracts';
import type {
  ClaimAnswer,
  ClaimRequest,
  DispatchMessage,
  ExecutionContext,
  Report,
  ReportAnswer,
} from '@longshore/contracts';
import type { BackendClient, Batcher } from '@longshore/api-client';
import { createBatcher, isRetryable } from '@longshore/api-client';
import { uuidV7 } from '@longshore/runtime';
import type { Logger } from '@longshore/runtime';
import type { RunnerMetrics } from './runner-metrics.ts';

/** A session of this process, for as long as the backend knows it as live. */
export interface Session {
  readonly id: string;
  /** Aborts when the session lapsed: nothing that was claimed under it may be reported any more. */
  readonly signal: AbortSignal;
  /** The backend answered that it is gone, or it can no longer be true to it: let it lapse now. */
  lapse(reason: string): void;
}

export interface Granted extends ClaimAnswer {
  readonly executions: ReadonlyMap<string, ExecutionContext>;
}

/** What a session claims and reports, in batches. Each call is repeated until it was answered or the session lapsed. */
export interface SessionLink {
  readonly session: Session;
  claim(message: DispatchMessage): Promise<Granted>;
  report(report: Report): Promise<ReportAnswer>;
}

export interface SessionLinkOptions {
  session: Session;
  client: Pick<BackendClient, 'call'>;
  logger: Logger;
  metrics: RunnerMetrics;
}

type Claim = ClaimRequest['claims'][number];

const ATTEMPTS = 5;
/** A uuid with its quotes and comma. */
const ID_BYTES = 39;

/** Opens the way on which one session claims and reports. */
export function createSessionLink(options: SessionLinkOptions): SessionLink {
  const { session, client } = options;
  const claims: Batcher<Claim, Granted> = createBatcher({
    maxItems: MAX_BATCH_ITEMS,
    maxBytes: MAX_BATCH_BYTES,
    sizeOf: ({ run_ids }) => (run_ids.length + 4) * ID_BYTES,
    send: async (batch) => {
      const body = { session_id: session.id, claims: [...batch] };
      const answer = await lapsing(session, client.call(routes.claim, { body, attempts: Infinity, signal: session.signal }));
      const executions = new Map(answer.executions.map((execution) => [execution.execution_id, execution]));
      const byDispatch = new Map(answer.answers.map((item) => [item.dispatch_id, item]));
      return batch.map(({ dispatch_id }) => ({ ...answerFor(dispatch_id, byDispatch), executions }));
    },
  });
  const reports: Batcher<Report, ReportAnswer> = createBatcher({
    maxItems: MAX_BATCH_ITEMS,
    maxBytes: MAX_BATCH_BYTES,
    sizeOf: (report) => Buffer.byteLength(JSON.stringify(report)),
    send: (batch) => {
      options.metrics.reportBatch.observe(batch.length);
      return deliver(batch, options);
    },
  });
  return {
    session,
    claim: (message) => claims.add({ ...message, claim_id: uuidV7() }),
    report: (report) => reports.add(report),
  };
}

function answerFor(dispatchId: string, answers: ReadonlyMap<string, ClaimAnswer>): ClaimAnswer {
  const none = { dispatch_id: dispatchId, answer: 'refused' as const, reason: 'no answer for this claim', runs: [] };
  return answers.get(dispatchId) ?? none;
}

/** A 410 tells that the session is gone before the heartbeat does. */
async function lapsing<T>(session: Session, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ApiError && error.status === 410) session.lapse('the backend does not know it any more');
    throw error;
  }
}

/**
 * Delivers reports. A batch that the backend refuses or stumbles over is halved until the bad report is alone; that
 * run is then failed with the reason, and the others go through.
 */
async function deliver(batch: readonly Report[], options: SessionLinkOptions): Promise<ReportAnswer[]> {
  const { session, client } = options;
  for (;;) {
    try {
      const body = { session_id: session.id, reports: [...batch] };
      const call = client.call(routes.report, { body, attempts: ATTEMPTS, signal: session.signal });
      const { answers } = await lapsing(session, call);
      return inOrder(batch, answers);
    } catch (error) {
      session.signal.throwIfAborted();
      const unavailable = isRetryable(error) && !(error instanceof ApiError && error.status === 500);
      if (unavailable) continue;
      return batch.length > 1 ? halves(batch, options) : [await substitute(batch[0] as Report, error, options)];
    }
  }
}

async function halves(batch: readonly Report[], options: SessionLinkOptions): Promise<ReportAnswer[]> {
  const middle = Math.ceil(batch.length / 2);
  return [...(await deliver(batch.slice(0, middle), options)), ...(await deliver(batch.slice(middle), options))];
}

const REFUSED = 'report_refused';

async function substitute(report: Report, error: unknown, options: SessionLinkOptions): Promise<ReportAnswer> {
  const { run_id, epoch, token } = report;
  options.logger.error('report refused', { run_id, outcome: report.outcome, error });
  if (report.outcome === 'failed' && report.error.code === REFUSED) {
    // Not even that can be told. As long as this session lives nobody else would end the run.
    options.session.lapse('the end of a run could not be told');
    throw error;
  }
  const message = `The result could not be stored: ${error instanceof Error ? error.message.slice(0, 1000) : 'unknown'}`;
  const failed: Report = {
    ...{ run_id, epoch, token, outcome: 'failed', output: null, retry_after_ms: null, duration_ms: 0 },
    error: { code: REFUSED, message, detail: null },
  };
  return (await deliver([failed], options))[0] as ReportAnswer;
}

function inOrder(batch: readonly Report[], answers: readonly ReportAnswer[]): ReportAnswer[] {
  const byRun = new Map(answers.map((answer) => [answer.run_id, answer]));
  return batch.map(({ run_id }) => byRun.get(run_id) ?? { run_id, answer: 'superseded', reason: 'no answer for this report' });
}
