import { apiError, routes, type ExecutionDetail, type RunState } from '@longshore/contracts';
import type { Caller } from '../http/auth.ts';
import { handle, type MountedRoute } from '../http/server.ts';
import { hasEnded, statusOf, type Outcomes, type StoredExecution, type StoredFile } from './outcome.ts';

/** `GET /api/v1/executions/{id}`: everything about an execution, as often as wanted. */
export function executionRoutes({ outcomes }: { outcomes: Outcomes }): MountedRoute[] {
  return [
    handle(routes.execution, async ({ params, caller }) => {
      const execution = await outcomes.find(params.id);
      if (execution === null || !maySee(caller, execution)) throw apiError('not_found', 'No such execution');
      const files = await outcomes.files(execution);
      const flags = { includeMetadata: true, includeMetrics: true, includeExtractedText: false };
      const result = hasEnded(execution) ? await outcomes.results(execution, flags) : null;
      return { ...summaryOf(execution, files), result };
    }),
  ];
}

function maySee(caller: Caller, execution: StoredExecution): boolean {
  if (caller.kind !== 'key') return false;
  return caller.key.kind === 'admin' || caller.key.organisationId === execution.organisation_id;
}

function summaryOf(
  execution: StoredExecution,
  files: readonly StoredFile[],
): Omit<ExecutionDetail, 'result'> {
  const states = files.map((file) => stateOf(file, execution));
  return {
    execution_id: execution.id,
    api_name: execution.api_name,
    status: statusOf(execution),
    error: execution.error?.message ?? null,
    total_files: files.length,
    successful_files: states.filter((state) => state === 'succeeded').length,
    failed_files: states.filter((state) => state === 'failed' || state === 'cancelled').length,
    created_at: execution.created_at.toISOString(),
    started_at: isoOrNull(execution.started_at),
    finished_at: isoOrNull(execution.finished_at),
    files: files.map((file, index) => ({
      file: file.name,
      file_execution_id: file.run_id ?? file.file_id,
      size: file.size,
      state: states[index]!,
      worker: file.instance,
      attempt: file.attempts + 1,
      starts: file.starts,
      started_at: isoOrNull(file.started_at),
      finished_at: isoOrNull(file.finished_at),
      // Stack and cause are for those who run the platform: they stand in its logs.
      error: file.error && { ...file.error, detail: null },
    })),
  };
}

/** A file that no run ever took shares the end of its execution. */
function stateOf(file: StoredFile, execution: StoredExecution): RunState {
  return file.state ?? (hasEnded(execution) ? execution.state : 'queued');
}

function isoOrNull(moment: Date | null): string | null {
  return moment?.toISOString() ?? null;
}
