import { ApiError, MAX_BATCH_BYTES, MAX_BATCH_ITEMS, workerRoutes as routes } from '@longshore/contracts';
import type {
  ClaimAnswer,
  ClaimRequest,
  DispatchMessage,
  ExecutionContext,
  Report,
  ReportAnswer,
} from '@longshore/contracts';
import type { BackendClient } from '@longshore/api-client';
import { createBatcher, uuidV7 } from '@longshore/runtime';
import type { Logger } from '@longshore/runtime';
import { sendUntilAnswered } from './until-answered.ts';
import type { RunnerMetrics } from './runner-metrics.ts';

/** A session of this process, for as long as the backend knows it as live. */
export interface Session {
  readonly id: string;
  /** Aborts when the session lapsed: nothing that was claimed under it may be reported any more. */
  readonly signal: AbortSignal;
  /** It is gone, or this process cannot be true to it: end it now, so that others get its runs. */
  lapse(reason: string): void;
}

export interface Granted extends ClaimAnswer {
  readonly executions: ReadonlyMap<string, ExecutionContext>;
  /** The `traceparent` of what is traced, by execution. */
  readonly traces?: Readonly<Record<string, string>> | undefined;
}

/**
 * What a session claims and reports, in batches. Both are repeated until they were answered or the session lapsed: a
 * claim that was granted and not heard would leave runs that nobody executes.
 */
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

/** A uuid with its quotes and comma. */
const ID_BYTES = 39;
const REFUSED = 'report_refused';

/** Opens the way on which one session claims and reports. */
export function createSessionLink(options: SessionLinkOptions): SessionLink {
  const { session, metrics } = options;
  const limits = { maxItems: MAX_BATCH_ITEMS, maxBytes: MAX_BATCH_BYTES };
  const claims = createBatcher<Claim, Granted>({
    ...limits,
    sizeOf: ({ run_ids }) => (run_ids.length + 4) * ID_BYTES,
    send: (batch) => sendClaims(batch, options),
  });
  const reports = createBatcher<Report, ReportAnswer>({
    ...limits,
    sizeOf: sizeOfReport,
    send: (batch) => {
      metrics.reportBatch.observe(batch.length);
      return sendReports(batch, options);
    },
  });
  const ended = endOfTurn();
  return {
    session,
    claim: (message) => claims.add({ ...message, claim_id: uuidV7() }),
    report: (report) => ended().then(() => reports.add(report)),
  };
}

/**
 * Resolves when the event loop has done all that it has in hand, which is no waiting: the runs of a parcel that end in one turn are
 * reported in one call, where the first would go alone and all others stand behind its answer.
 */
function endOfTurn(): () => Promise<void> {
  let turn: Promise<void> | undefined;
  return () =>
    (turn ??= new Promise((resolve) => {
      setImmediate(() => {
        turn = undefined;
        resolve();
      });
    }));
}

/** Of a report beside what the handler made. */
const ENVELOPE_BYTES = 700;

/** Bytes, roughly: enough to keep within bounds. */
function sizeOfReport(report: Report): number {
  const { outcome } = report;
  if (outcome === 'released') return ENVELOPE_BYTES;
  const made = outcome === 'succeeded' ? report.output : report;
  return ENVELOPE_BYTES + Buffer.byteLength(JSON.stringify(made));
}

function sendClaims(
  batch: readonly Claim[],
  { session, client, logger }: SessionLinkOptions,
): Promise<Granted[]> {
  return sendUntilAnswered(batch, session, {
    send: async (claims, settings) => {
      const body = { session_id: session.id, claims: [...claims] };
      const {
        answers,
        executions: contexts,
        traces,
      } = await client.call(routes.claim, { body, ...settings });
      const executions = new Map(contexts.map((context) => [context.execution_id, context]));
      // By place, not by dispatch: of two messages of one dispatch only one is granted.
      return claims.map(({ dispatch_id }, place) => ({
        ...(answers[place] ?? refused(dispatch_id, 'there is no answer for it')),
        executions,
        traces,
      }));
    },
    failedAlone: async ({ dispatch_id }, error) => {
      logger.error('claim failed', { dispatch_id, error });
      // Whoever goes on taking messages without a good key takes them from those who have one.
      if (error instanceof ApiError && error.status === 401) {
        session.lapse(`the backend refuses it: ${error.message}`);
        throw error;
      }
      // Only a clear refusal tells that nothing was granted.
      if (error instanceof ApiError && error.status < 500) {
        return { ...refused(dispatch_id, error.message), executions: new Map() };
      }
      session.lapse('it is unknown what a claim was granted');
      throw error;
    },
  });
}

function refused(dispatch_id: string, reason: string): ClaimAnswer {
  return { dispatch_id, answer: 'refused', reason, runs: [] };
}

/** A report that the backend does not take is replaced by one that fails the run with the reason. */
function sendReports(batch: readonly Report[], options: SessionLinkOptions): Promise<ReportAnswer[]> {
  const { session, client, logger } = options;
  return sendUntilAnswered(batch, session, {
    send: async (reports, settings) => {
      const body = { session_id: session.id, reports: [...reports] };
      const { answers } = await client.call(routes.report, { body, ...settings });
      const byRun = new Map(answers.map((answer) => [answer.run_id, answer]));
      return reports.map(({ run_id }) => byRun.get(run_id) ?? unanswered(run_id));
    },
    failedAlone: async (report, error) => {
      logger.error('report refused', { run_id: report.run_id, outcome: report.outcome, error });
      if (report.outcome === 'failed' && report.error.code === REFUSED) {
        session.lapse('the end of a run could not be told');
        throw error;
      }
      return (await sendReports([failureInstead(report, error)], options))[0] as ReportAnswer;
    },
  });
}

function unanswered(run_id: string): ReportAnswer {
  return { run_id, answer: 'superseded', reason: 'there is no answer for it' };
}

function failureInstead({ run_id, epoch, token }: Report, error: unknown): Report {
  const reason = error instanceof Error ? error.message.slice(0, 1000) : 'unknown';
  const message = `Its result could not be stored: ${reason}`;
  return {
    ...{ run_id, epoch, token, outcome: 'failed', output: null, retry_after_ms: null, duration_ms: 0 },
    error: { code: REFUSED, message, detail: null },
  };
}
