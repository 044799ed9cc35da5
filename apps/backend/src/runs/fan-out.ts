import type { ContinuationSpec, Report, ReportAnswer } from '@longshore/contracts';
import type { Dispatcher, WrittenDispatch } from '../dispatch/dispatcher.ts';
import type { TaskCatalogue, TaskPolicy } from '../dispatch/task-catalogue.ts';
import type { Database } from '../store/database.ts';
import { childRunId, CONTINUATION_KEY, familyRange } from '../store/family-ids.ts';
import { jsonById } from '../store/json-by-id.ts';
import { accepted, isCausedByContent, standingOf, superseded, type EndAttempts } from './attempt-ends.ts';
import { fanOutRuns } from './fan-out-statement.ts';

export type FanOutReport = Extract<Report, { outcome: 'fanned_out' }>;

export interface FanOutDependencies {
  readonly database: Database;
  readonly dispatcher: Dispatcher;
  readonly catalogue: TaskCatalogue;
  readonly endAttempts: EndAttempts;
  readonly backendId: string;
}

interface FanOutRow {
  moved: string[];
  dispatched: WrittenDispatch[];
  removed: Record<string, number>;
}

interface PlannedFanOut {
  readonly report: FanOutReport;
  readonly row: Record<string, unknown>;
  readonly targets: Record<string, { pool: string; term: string } | Record<string, never>>;
  readonly release: () => void;
}

/**
 * Stores fan-outs: children, their first parcels and `waiting`, all or nothing for each parent. A fan-out that
 * names an unknown task or repeats a key fails its run with the reason.
 */
export function createFanOut(dependencies: FanOutDependencies) {
  return async function fanOut(reports: readonly FanOutReport[]): Promise<ReportAnswer[]> {
    await knowAllTasks(reports, dependencies.catalogue);
    const refusals = new Map(
      reports.map((report) => [report.run_id, refusalOf(report, dependencies.catalogue)]),
    );
    const good = reports.filter((report) => refusals.get(report.run_id) === null);
    const bad = reports.filter((report) => refusals.get(report.run_id) !== null);
    return [
      ...(good.length === 0 ? [] : await storeSplitting(dependencies, good)),
      ...(await Promise.all(bad.map((report) => reject(dependencies, report, refusals.get(report.run_id)!)))),
    ];
  };
}

/** A task may have been registered through another backend a moment ago. */
async function knowAllTasks(reports: readonly FanOutReport[], catalogue: TaskCatalogue): Promise<void> {
  const named = reports.flatMap(({ children, then }) => [...children, then]);
  if (named.some(({ task }) => catalogue.policy(task) === undefined)) await catalogue.refresh();
}

function refusalOf(report: FanOutReport, catalogue: TaskCatalogue): string | null {
  const named = [...report.children, report.then];
  const unknown = named.find((spec) => catalogue.policy(spec.task) === undefined);
  if (unknown !== undefined) return `Unknown task type: ${unknown.task}`;
  const keys = new Set(report.children.map((child) => child.key));
  return keys.size === report.children.length ? null : 'two children of one fan-out have the same key';
}

async function storeSplitting(
  dependencies: FanOutDependencies,
  reports: readonly FanOutReport[],
): Promise<ReportAnswer[]> {
  try {
    return await store(dependencies, reports);
  } catch (error) {
    if (!isCausedByContent(error)) throw error;
    const [first, ...rest] = reports;
    if (rest.length === 0) return [await reject(dependencies, first!, (error as Error).message)];
    return [...(await storeSplitting(dependencies, [first!])), ...(await storeSplitting(dependencies, rest))];
  }
}

async function store(
  dependencies: FanOutDependencies,
  reports: readonly FanOutReport[],
): Promise<ReportAnswer[]> {
  const { database, dispatcher, backendId } = dependencies;
  const planned = reports.map((report) => plan(dependencies, report));
  const ids = reports.map((report) => report.run_id).sort();
  const range = familyRange(ids);
  try {
    const [row] = await database.hot<FanOutRow>(fanOutRuns, [
      jsonById(planned.map((each) => [each.report.run_id, each.row])),
      ids,
      range.from,
      range.to,
      JSON.stringify(Object.assign({}, ...planned.map((each) => each.targets))),
      backendId,
      dispatcher.publicationTimeoutMs,
    ]);
    planned.forEach((each) => each.release());
    dispatcher.committed(row!.dispatched, row!.removed);
    return await answers(database, reports, new Set(row!.moved));
  } catch (error) {
    planned.forEach((each) => each.release());
    throw error;
  }
}

function plan({ dispatcher, catalogue }: FanOutDependencies, report: FanOutReport): PlannedFanOut {
  const total = report.children.length;
  const window = Math.min(total, report.max_parallel ?? total);
  const openSpecs = report.children
    .slice(0, window)
    .map(({ task, queue }) => ({ task, queue: queue ?? catalogue.policy(task)!.queue }));
  const parcels = dispatcher.planParcels(openSpecs);
  const children = report.children.map((child, ordinal) => ({
    id: childRunId(report.run_id, child.key),
    key: child.key,
    ordinal,
    input: child.input,
    file_id: child.file_id ?? null,
    dispatch_id: parcels.dispatchIds[ordinal] ?? null,
    ...policyColumns(catalogue.policy(child.task)!, child),
  }));
  const continuation = {
    id: childRunId(report.run_id, CONTINUATION_KEY),
    input: report.then.input,
    ...policyColumns(catalogue.policy(report.then.task)!, report.then),
  };
  return {
    report,
    row: { epoch: report.epoch, total, window, continuation, children },
    targets: parcels.targets,
    release: parcels.release,
  };
}

function policyColumns(policy: TaskPolicy, spec: Pick<ContinuationSpec, 'task' | 'queue'>) {
  return {
    task: spec.task,
    queue: spec.queue ?? policy.queue,
    max_attempts: policy.maxAttempts,
    soft_limit_ms: policy.softLimitMs,
    hard_limit_ms: policy.hardLimitMs,
  };
}

async function answers(
  database: Database,
  reports: readonly FanOutReport[],
  moved: ReadonlySet<string>,
): Promise<ReportAnswer[]> {
  const unmoved = reports
    .filter((report) => !moved.has(report.run_id))
    .map((report) => ({ runId: report.run_id }));
  const standing = unmoved.length === 0 ? new Map() : await standingOf(database, unmoved);
  return reports.map(({ run_id, epoch }) => {
    if (moved.has(run_id)) return accepted(run_id);
    const now = standing.get(run_id);
    const repeated = now?.epoch === epoch && ['waiting', 'succeeded', 'failed'].includes(now.state);
    return repeated
      ? accepted(run_id)
      : superseded(run_id, now ? `the run is ${now.state}` : 'the run does not exist');
  });
}

async function reject(
  { endAttempts }: FanOutDependencies,
  report: FanOutReport,
  reason: string,
): Promise<ReportAnswer> {
  const error = { code: 'fan_out_refused', message: reason, detail: null };
  const [answer] = await endAttempts([
    {
      runId: report.run_id,
      epoch: report.epoch,
      executionId: report.run_id,
      to: 'failed',
      output: null,
      error,
      delayMs: 0,
    },
  ]);
  return answer!.answer === 'accepted' ? { run_id: report.run_id, answer: 'rejected', reason } : answer!;
}
