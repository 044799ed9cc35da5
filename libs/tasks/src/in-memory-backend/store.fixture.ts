import { createHash, randomUUID } from 'node:crypto';
import { apiError } from '@longshore/contracts';
import type {
  ChildResults,
  ClaimAnswer,
  ClaimedRun,
  ClaimRequest,
  ExecutionContext,
  HeartbeatRequest,
  JsonValue,
  LogLinesRequest,
  ProgressRequest,
  RegisterSessionRequest,
  Report,
  ReportAnswer,
  ReportRequest,
  WorkflowDefinition,
} from '@longshore/contracts';

export interface RunSpec {
  task: string;
  input?: JsonValue;
  attempt?: number;
  softLimitMs?: number;
  hardLimitMs?: number;
  execution?: ExecutionContext;
  file?: { name: string; bytes: Buffer; inline?: boolean; sha256?: string };
  children?: ClaimedRun['children'];
}

interface StoredRun {
  readonly run: ClaimedRun;
  state: 'queued' | 'running' | 'ended';
  session: string | undefined;
}

export interface StoredSession {
  readonly id: string;
  readonly request: RegisterSessionRequest;
  state: 'live' | 'ended' | 'lapsed';
  readonly heartbeats: HeartbeatRequest[];
  cancelled: { run_id: string; epoch: number }[];
}

/** What the fake of the backend knows and was told; it forgets nothing, so that tests can ask. */
export function createStore() {
  const runs = new Map<string, StoredRun>();
  const files = new Map<string, Buffer>();
  const sessions: StoredSession[] = [];
  const claims = new Map<string, ClaimAnswer>();
  const executions = new Map<string, ExecutionContext>();
  const workflows = new Map<string, WorkflowDefinition>();
  const reports: Report[] = [];

  const liveSession = (id: string): StoredSession => {
    const session = sessions.find((each) => each.id === id);
    if (session?.state !== 'live') throw apiError('session_lapsed', 'this session has ended');
    return session;
  };
  /** Granted on queued runs only, with the next epoch; the same claim gets the same answer. */
  const grant = ({ dispatch_id, run_ids, claim_id }: ClaimRequest['claims'][number], session: string) => {
    const before = claims.get(claim_id);
    if (before !== undefined) return before;
    const granted = run_ids.flatMap((id) => {
      const stored = runs.get(id);
      if (stored?.state !== 'queued') return [];
      const next = { ...stored.run, epoch: stored.run.epoch + 1 };
      runs.set(id, { run: next, state: 'running', session });
      return [next];
    });
    const answer: ClaimAnswer =
      granted.length > 0
        ? { dispatch_id, answer: 'granted', reason: null, runs: granted }
        : { dispatch_id, answer: 'refused', reason: 'none of the runs is queued', runs: [] };
    claims.set(claim_id, answer);
    return answer;
  };
  /** Reports of older epochs and of other sessions are refused. */
  const take = (report: Report, session: string): ReportAnswer => {
    const stored = runs.get(report.run_id);
    const current =
      stored?.state === 'running' && stored.run.epoch === report.epoch && stored.session === session;
    if (!current) return { run_id: report.run_id, answer: 'superseded', reason: 'another epoch owns it' };
    reports.push(report);
    stored.state = report.outcome === 'released' ? 'queued' : 'ended';
    return { run_id: report.run_id, answer: 'accepted', reason: null };
  };
  return {
    ...{ runs, files, sessions, executions, workflows, reports, liveSession },
    outputs: new Map<string, Buffer>(),
    reportCalls: [] as number[],
    progress: [] as ProgressRequest['items'],
    logLines: [] as LogLinesRequest['items'],
    childResults: new Map<string, ChildResults['children']>(),
    addSession: (request: RegisterSessionRequest): string => {
      const id = randomUUID();
      sessions.push({ id, request, state: 'live', heartbeats: [], cancelled: [] });
      return id;
    },
    claim: ({ session_id, claims: asked }: ClaimRequest) => {
      liveSession(session_id);
      const answers = asked.map((each) => grant(each, session_id));
      const ids = new Set(answers.flatMap((answer) => answer.runs.map((run) => run.execution_id)));
      const contexts = [...executions.values()].filter(({ execution_id }) => ids.has(execution_id));
      return { answers, executions: contexts };
    },
    report: ({ session_id, reports: told }: ReportRequest) => {
      liveSession(session_id);
      return { answers: told.map((each) => take(each, session_id)) };
    },
    addRun: (spec: RunSpec): ClaimedRun => {
      const run = runOf(spec);
      if (spec.file !== undefined && run.file !== null) files.set(run.file.file_id, spec.file.bytes);
      runs.set(run.run_id, { run, state: 'queued', session: undefined });
      return run;
    },
    /** An execution of this workflow; runs may belong to it. */
    addExecution: (definition: WorkflowDefinition): ExecutionContext => {
      const [execution_id, workflow_version_id] = [randomUUID(), randomUUID()];
      workflows.set(workflow_version_id, definition);
      const asked = { include_extracted_text: false, custom_data: null, tags: [] };
      const context = { execution_id, workflow_version_id, ...asked };
      executions.set(execution_id, context);
      return context;
    },
    /** What the reconciler does: the session is given up, its runs are queued again. */
    lapse: (session: StoredSession): void => {
      session.state = 'lapsed';
      for (const stored of runs.values())
        if (stored.session === session.id && stored.state === 'running') stored.state = 'queued';
    },
  };
}

export type Store = ReturnType<typeof createStore>;

function runOf(spec: RunSpec): ClaimedRun {
  const run_id = randomUUID();
  return {
    ...{ run_id, execution_id: spec.execution?.execution_id ?? randomUUID(), epoch: 0 },
    ...{ task: spec.task, input: spec.input ?? {}, token: `token-of-${run_id}` },
    ...{ attempt: spec.attempt ?? 1, max_attempts: 3, organisation_id: randomUUID() },
    soft_limit_ms: spec.softLimitMs ?? 60_000,
    hard_limit_ms: spec.hardLimitMs ?? 120_000,
    file: spec.file ? fileOf(spec.file) : null,
    children: spec.children ?? null,
  };
}

function fileOf({ name, bytes, inline, sha256 }: NonNullable<RunSpec['file']>): ClaimedRun['file'] {
  return {
    ...{ file_id: randomUUID(), name, size: bytes.length },
    sha256: sha256 ?? createHash('sha256').update(bytes).digest('hex'),
    content_base64: inline === false ? null : bytes.toString('base64'),
  };
}
