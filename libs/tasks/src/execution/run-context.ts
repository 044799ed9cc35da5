import { hash } from 'node:crypto';
import { workerRoutes as routes } from '@longshore/contracts';
import type { ClaimedFile, ClaimedRun, ExecutionContext } from '@longshore/contracts';
import type { BackendClient } from '@longshore/api-client';
import { systemClock } from '@longshore/runtime';
import type { Logger } from '@longshore/runtime';
import type { PipelineFiles, TaskContext, TaskFile, TaskLog } from '../definition/task-context.ts';
import { TaskError } from '../definition/task-error.ts';
import type { LogLine } from './log-lines.ts';
import { boundedLog } from './bounded-log.ts';
import type { Journal } from './journal.ts';
import { progressOf } from './progress.ts';
import type { WorkflowCache } from './workflow-cache.ts';

export interface ContextMeans {
  client: Pick<BackendClient, 'call' | 'fetchFile' | 'fetchChildOutput' | 'sendFile'>;
  journal: Journal;
  workflows: WorkflowCache;
  logger: Logger;
}

/** What the handler of a claimed run is given, made as far as it is asked for. Every call in it carries the run's own token. */
export function createRunContext(
  run: ClaimedRun,
  execution: ExecutionContext | null,
  signal: () => AbortSignal,
  means: ContextMeans,
): TaskContext {
  const { client, journal, workflows } = means;
  const { run_id: id, token: runToken } = run;
  let log: TaskLog | undefined;
  return {
    run: {
      id,
      task: run.task,
      executionId: run.execution_id,
      organisationId: run.organisation_id,
      attempt: run.attempt,
      maxAttempts: run.max_attempts,
      idempotencyKey: id,
    },
    execution,
    file: run.file && taskFile(run.file, runToken, signal(), client),
    children: run.children ?? [],
    childResults: async () =>
      (await client.call(routes.childResults, { params: { id }, runToken, signal: signal() })).children,
    childOutput: (childId) => client.fetchChildOutput(id, childId, { runToken, signal: signal() }),
    get signal() {
      return signal();
    },
    get log() {
      return (log ??= taskLog(run, means));
    },
    progress: (percentage, message, data) =>
      journal.progress({ token: runToken, ...progressOf(percentage, message, data) }),
    sleep: (ms) => systemClock.sleep(ms, signal()),
    workflowDefinition: async () => {
      if (execution !== null) return workflows.get(execution.workflow_version_id, runToken);
      throw new TaskError('no_workflow', 'This run belongs to no workflow', { retryable: false });
    },
    get pipelineFiles() {
      return pipelineFiles(run, signal(), client);
    },
    webhookCall: () => client.call(routes.webhookCall, { params: { id }, runToken, signal: signal() }),
  };
}

function pipelineFiles(
  { run_id: id, token: runToken }: ClaimedRun,
  signal: AbortSignal,
  { call, sendFile }: ContextMeans['client'],
): PipelineFiles {
  const given = { params: { id }, runToken, signal };
  return {
    known: async (files) => (await call(routes.knownPipelineFiles, { ...given, body: { files } })).known,
    credential: (name) => call(routes.runCredential, { ...given, params: { id, name } }),
    take: (file, open) => sendFile(id, file, { open, runToken, signal }),
    listed: async (body) => void (await call(routes.listedPipelineFiles, { ...given, body })),
    after: async (after) => (await call(routes.pipelineFiles, { ...given, query: { after } })).files,
    result: (fileId) => call(routes.pipelineResult, { ...given, params: { id, file_id: fileId } }),
    settle: async (body) => void (await call(routes.settlePipelineFiles, { ...given, body })),
  };
}

function taskFile(
  file: ClaimedFile,
  runToken: string,
  signal: AbortSignal,
  client: ContextMeans['client'],
): TaskFile {
  const { file_id: id, name, size, sha256, content_base64: content } = file;
  const fetch = async (): Promise<Buffer> => {
    if (content !== null) return Buffer.from(content, 'base64');
    return client.fetchFile(id, { runToken, maxBytes: Math.max(1, size), signal });
  };
  return {
    id,
    name,
    size,
    sha256,
    bytes: async () => {
      const bytes = await fetch();
      const actual = hash('sha256', bytes);
      if (bytes.length === size && actual === sha256.toLowerCase()) return new Uint8Array(bytes);
      throw new TaskError('file_damaged', `The file ${name} did not arrive as it was stored`);
    },
  };
}

function taskLog(run: ClaimedRun, { journal, logger }: ContextMeans): TaskLog {
  let own: Logger | undefined;
  // Most runs log nothing.
  const logged = () =>
    (own ??= logger.child({ run_id: run.run_id, execution_id: run.execution_id, task: run.task }));
  return boundedLog((line) => {
    logged()[line.level](line.message, fieldsOf(line));
    journal.log({ token: run.token, ...line });
  });
}

/** Fields of one line of the worker's log: what is no object goes under a name. */
function fieldsOf({ fields }: LogLine): Record<string, unknown> | undefined {
  if (fields === null) return undefined;
  return typeof fields === 'object' && !Array.isArray(fields) ? fields : { data: fields };
}
