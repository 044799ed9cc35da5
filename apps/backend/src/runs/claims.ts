import type {
  ClaimAnswer,
  ClaimedFile,
  ClaimedRun,
  ClaimRequest,
  ClaimResponse,
  ChildSummary,
} from '@longshore/contracts';
import { isPlanning, type ExecutionContexts } from '../executions/contexts.ts';
import type { FileStore } from '../files/file-store.ts';
import type { Session } from '../sessions/sessions.ts';
import type { Database } from '../store/database.ts';
import { familyRange } from '../store/family-ids.ts';
import { jsonById } from '../store/json-by-id.ts';
import { partsOf } from './parts.ts';
import { childSummaries, claimRuns, dispatchHolders, heldRuns } from './claim-statements.ts';
import type { RunTraces } from '../tracing/run-traces.ts';
import type { RunTokens } from './run-tokens.ts';

export interface ClaimsDependencies {
  readonly database: Database;
  readonly files: FileStore;
  readonly contexts: ExecutionContexts;
  readonly tokens: RunTokens;
  /** Told of each run that was granted, with the seconds since it could have been. Default: nobody is. */
  readonly waited?: ((queue: string, seconds: number) => void) | undefined;
  /** Where requests are traced. */
  readonly traces?: RunTraces | undefined;
}

interface ClaimedRow {
  id: string;
  dispatch_id: string;
  epoch: number;
  task: string;
  input: ClaimedRun['input'];
  attempts: number;
  max_attempts: number;
  organisation_id: string;
  root_id: string;
  parent_id: string | null;
  ordinal: number | null;
  /** How many children a continuation goes on after. */
  siblings: number | null;
  soft_limit_ms: number;
  hard_limit_ms: number;
  file_id: string | null;
  file_name: string;
  file_size: number;
  sha256: string;
  object: string;
  byte_offset: number;
}

interface GrantedRow extends ClaimedRow {
  queue: string;
  waited_s: number;
}

type Claim = ClaimRequest['claims'][number];

/** Children that are read in one statement, however many continuations are claimed: none meets its time limit. */
const MOST_SIBLINGS = 20_000;
/** Files up to this size travel with the claim, which saves a call per file. */
const INLINE_FILE_BYTES = 64 * 1024;
/** A run token outlives the hard limit of its run by this much, so that the last report is still heard. */
const TOKEN_MARGIN_MS = 10 * 60_000;

/** Grants claims in batches: each dispatch gets its own answer. */
export function createClaims(dependencies: ClaimsDependencies) {
  const { database, contexts, waited, traces } = dependencies;

  return async function claim(session: Session, asked: readonly Claim[]): Promise<ClaimResponse> {
    const claims = firstOfEachDispatch(asked);
    const granted = await grant(database, session, claims);
    if (waited) for (const { queue, waited_s } of granted) waited(queue, waited_s);
    const rows: ClaimedRow[] = granted;
    const missing = claims.filter((item) => !rows.some((row) => row.dispatch_id === item.dispatch_id));
    if (missing.length > 0) rows.push(...(await heldAlready(database, session, missing)));
    const [children, contents, executions] = await Promise.all([
      childrenOf(database, rows),
      inlineContents(dependencies.files, rows),
      contexts.of([...new Set(rows.filter(mayHaveContext).map((row) => row.root_id))]),
    ]);
    const runsByDispatch = new Map<string, ClaimedRun[]>();
    for (const row of inOrderOfMessages(rows, claims)) {
      const run = claimedRun(
        dependencies.tokens,
        row,
        contents.get(row.id) ?? null,
        children.get(row.parent_id ?? ''),
      );
      const runs = runsByDispatch.get(row.dispatch_id);
      if (runs === undefined) runsByDispatch.set(row.dispatch_id, [run]);
      else runs.push(run);
    }
    const reasons = await refusals(database, session, claims, runsByDispatch);
    const first = new Set(claims);
    const answers = asked.map((item) =>
      first.has(item)
        ? answerFor(item, runsByDispatch.get(item.dispatch_id), reasons)
        : refusedAsRepeated(item),
    );
    if (traces === undefined) return { answers, executions };
    return { answers, executions, traces: await traces.of([...new Set(rows.map((row) => row.root_id))]) };
  };
}

/** A message may be in one batch more than once, from different slots of one process: only one of them may run it. */
function firstOfEachDispatch(claims: readonly Claim[]): Claim[] {
  const first = new Map<string, Claim>();
  for (const item of claims) if (!first.has(item.dispatch_id)) first.set(item.dispatch_id, item);
  return [...first.values()];
}

function refusedAsRepeated({ dispatch_id }: Claim): ClaimAnswer {
  return {
    dispatch_id,
    answer: 'refused',
    reason: 'another claim of this batch holds this dispatch',
    runs: [],
  };
}

/** Runs of a parcel are executed in the order in which they were packed. */
function inOrderOfMessages(rows: ClaimedRow[], claims: readonly Claim[]): ClaimedRow[] {
  const place = new Map(claims.flatMap((item) => item.run_ids).map((id, index) => [id, index]));
  return rows.sort((a, b) => place.get(a.id)! - place.get(b.id)!);
}

async function grant(database: Database, session: Session, claims: readonly Claim[]): Promise<GrantedRow[]> {
  const runIds = claims.flatMap((item) => item.run_ids).sort();
  const range = familyRange(runIds);
  return await database.hot<GrantedRow>(claimRuns, [
    session.id,
    session.pool,
    claims.map((item) => item.dispatch_id).sort(),
    jsonById(
      claims.map(({ dispatch_id, claim_id, run_ids }) => [
        dispatch_id,
        { claim_id, run_ids: `{${run_ids.join()}}` },
      ]),
    ),
    runIds,
    range.from,
    range.to,
  ]);
}

async function heldAlready(
  database: Database,
  session: Session,
  claims: readonly Claim[],
): Promise<ClaimedRow[]> {
  const runIds = claims.flatMap((item) => item.run_ids).sort();
  const range = familyRange(runIds);
  return await database.hot<ClaimedRow>(heldRuns, [
    session.id,
    claims.map((item) => item.dispatch_id).sort(),
    jsonById(claims.map((item) => [item.dispatch_id, item.claim_id])),
    runIds,
    range.from,
    range.to,
  ]);
}

async function childrenOf(
  database: Database,
  rows: readonly ClaimedRow[],
): Promise<Map<string, ChildSummary[]>> {
  const siblings = new Map(rows.filter(isContinuation).map((row) => [row.parent_id!, row.siblings ?? 0]));
  const byParent = new Map<string, ChildSummary[]>([...siblings.keys()].map((parent) => [parent, []]));
  for (const parents of partsOf(siblings, MOST_SIBLINGS)) {
    const range = familyRange(parents);
    const values = [parents.sort(), range.from, range.to];
    const children = await database.hot<ChildSummary & { parent_id: string }>(childSummaries, values);
    for (const { parent_id, ...child } of children) byParent.get(parent_id)!.push(child);
  }
  return byParent;
}

function mayHaveContext(row: ClaimedRow): boolean {
  return row.parent_id !== null || isPlanning(row.task);
}

/** A continuation is its parent's child without a place among the siblings. */
function isContinuation(row: ClaimedRow): boolean {
  return row.parent_id !== null && row.ordinal === null;
}

async function inlineContents(files: FileStore, rows: readonly ClaimedRow[]): Promise<Map<string, string>> {
  const small = rows.filter((row) => row.file_id !== null && row.file_size <= INLINE_FILE_BYTES);
  const slices = await files.readSlices(
    small.map((row) => ({ object: row.object, offset: row.byte_offset, size: row.file_size })),
  );
  const contents = new Map<string, string>();
  small.forEach((row, index) => {
    const slice = slices[index];
    if (slice) contents.set(row.id, slice.toString('base64'));
  });
  return contents;
}

function claimedRun(
  tokens: RunTokens,
  row: ClaimedRow,
  content: string | null,
  children: ChildSummary[] | undefined,
): ClaimedRun {
  const file: ClaimedFile | null =
    row.file_id === null
      ? null
      : {
          file_id: row.file_id,
          name: row.file_name,
          size: row.file_size,
          sha256: row.sha256,
          content_base64: content,
        };
  const { id: runId, epoch, organisation_id: organisationId, root_id: executionId, task } = row;
  return {
    run_id: runId,
    epoch,
    task,
    input: row.input,
    attempt: row.attempts + 1,
    max_attempts: row.max_attempts,
    organisation_id: organisationId,
    execution_id: executionId,
    token: tokens.issue(
      { runId, epoch, organisationId, executionId, task },
      row.hard_limit_ms + TOKEN_MARGIN_MS,
    ),
    soft_limit_ms: row.soft_limit_ms,
    hard_limit_ms: row.hard_limit_ms,
    file,
    children: isContinuation(row) ? (children ?? []) : null,
  };
}

async function refusals(
  database: Database,
  session: Session,
  claims: readonly Claim[],
  granted: ReadonlyMap<string, unknown>,
): Promise<Map<string, string>> {
  const refused = claims.map((item) => item.dispatch_id).filter((id) => !granted.has(id));
  if (refused.length === 0) return new Map();
  const rows = await database.hot<{ id: string; pool: string | null; session_id: string | null }>(
    dispatchHolders,
    [refused],
  );
  return new Map(rows.map((row) => [row.id, refusalReason(row, session)]));
}

function refusalReason(row: { pool: string | null; session_id: string | null }, session: Session): string {
  if (row.session_id !== null) return 'another claim holds this dispatch';
  if (row.pool !== session.pool) return 'this dispatch is published elsewhere';
  return 'this session has ended, or none of the runs is queued any more';
}

function answerFor(
  item: Claim,
  runs: ClaimedRun[] | undefined,
  reasons: ReadonlyMap<string, string>,
): ClaimAnswer {
  if (runs !== undefined) return { dispatch_id: item.dispatch_id, answer: 'granted', reason: null, runs };
  const reason = reasons.get(item.dispatch_id) ?? 'this dispatch is done';
  return { dispatch_id: item.dispatch_id, answer: 'refused', reason, runs: [] };
}
