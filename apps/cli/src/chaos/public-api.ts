import { multipartOf } from '@longshore/client';
import {
  ApiError,
  executeResponseSchema,
  type ExecutionDetail,
  type ExecutionSummary,
  routes,
  type SubmitTaskRequest,
  type TaskResult,
} from '@longshore/contracts';
import { createPlatformClient } from '../client/platform-client.ts';
import { API_NAME, type ChaosFile } from './documents.ts';

/** What a client of the platform does, each call once and bounded in time; what to do about a failure is the caller's. */
export interface PublicApi {
  /** Answers the execution's id. Throws NotNow or Refused. */
  post(request: PostRequest): Promise<string>;
  /** The same, of a pipeline's execution. */
  runPipeline(request: Pick<PostRequest, 'key'> & { readonly pipelineId: string }): Promise<string>;
  /** Answers the task's id. Throws NotNow or Refused. */
  submitTask(request: SubmitTaskRequest): Promise<string>;
  /** Throws ApiError, CliError or a time-out. */
  readTask(taskId: string): Promise<TaskResult>;
  /** Throws ApiError, CliError or a time-out. */
  read(executionId: string): Promise<ExecutionDetail>;
  /** All executions, page by page. */
  list(): Promise<ExecutionSummary[]>;
}

export interface PostRequest {
  readonly key: string;
  readonly files: readonly ChaosFile[];
  /** How long the answer may wait for the result; 0 = not at all. */
  readonly waitSeconds: number;
}

type Sending = Pick<PostRequest, 'key' | 'waitSeconds'>;

/** No answer, or one that says to come again. */
export class NotNow extends Error {
  override readonly name = 'NotNow';
  readonly retryAfterMs: number;

  constructor(reason: string, retryAfterMs: number) {
    super(reason);
    this.retryAfterMs = retryAfterMs;
  }
}

/** A refusal that no repetition changes. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

const ANSWERS_WITHIN_MS = 15_000;
const LISTS_WITHIN_MS = 30_000;

export function createPublicApi(given: {
  url: string;
  organisation: string;
  key: string;
  signal: AbortSignal;
}): PublicApi {
  const { url, organisation, key, signal } = given;
  const client = createPlatformClient({ url, key });
  const within = (ms: number): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(ms)]);
  const send = async (path: string, form: FormData, { key: idempotencyKey, waitSeconds }: Sending) => {
    const multipart = multipartOf(form);
    const answer = await fetch(`${url}/deployment/${path}/`, {
      method: 'POST',
      ...multipart,
      headers: {
        ...multipart.headers,
        authorization: `Bearer ${key}`,
        'idempotency-key': idempotencyKey,
      },
      signal: within(ANSWERS_WITHIN_MS + waitSeconds * 1_000),
    }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw new NotNow(String(error), 0);
    });
    return acceptedId(answer, await textOf(answer, signal));
  };
  return {
    post: (request) => send(`api/${organisation}/${API_NAME}`, formOf(request), request),
    runPipeline: ({ key: tag, pipelineId }) => {
      const request = { key: tag, files: [], waitSeconds: 0 };
      return send(`pipeline/api/${organisation}/${pipelineId}`, formOf(request), request);
    },
    submitTask: async (body) => {
      const within15 = within(ANSWERS_WITHIN_MS);
      const answer = await client
        .call(routes.submitTask, { body, signal: within15 })
        .catch((error: unknown) => {
          signal.throwIfAborted();
          throw refusalOf(error);
        });
      return answer.task_id;
    },
    readTask: (id) => client.call(routes.taskResult, { params: { id }, signal: within(ANSWERS_WITHIN_MS) }),
    read: (id) => client.call(routes.execution, { params: { id }, signal: within(ANSWERS_WITHIN_MS) }),
    list: async () => {
      const all: ExecutionSummary[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const query: Record<string, string> = { limit: '1000', ...(cursor !== '' && { cursor }) };
        const page = await client.call(routes.listExecutions, { query, signal: within(LISTS_WITHIN_MS) });
        all.push(...page.executions);
        cursor = page.next_cursor;
      }
      return all;
    },
  };
}

/** Whether it may work later: all but what the platform itself refused for good. */
function refusalOf(error: unknown): Error {
  if (!(error instanceof ApiError)) return new NotNow(String(error), 0);
  if (error.status === 429 || error.status >= 500)
    return new NotNow(error.message, (error.retryAfterSeconds ?? 0) * 1_000);
  return new Refused(`status ${error.status}: ${error.message}`);
}

function formOf({ key, files, waitSeconds }: PostRequest): FormData {
  const form = new FormData();
  for (const { name, content } of files) form.append('files', new Blob([content]), name);
  form.append('tags', key);
  if (waitSeconds > 0) form.append('timeout', String(waitSeconds));
  return form;
}

async function textOf(answer: Response, signal: AbortSignal): Promise<string> {
  try {
    return await answer.text();
  } catch (error) {
    signal.throwIfAborted();
    throw new NotNow(`the answer broke off: ${String(error)}`, 0);
  }
}

/** 422 carries an execution too: one that ended without success while the answer waited. */
function acceptedId({ status, headers }: Response, text: string): string {
  const body = executeResponseSchema.safeParse(parsed(text));
  if (body.success) return body.data.message.execution_id;
  const reason = `status ${status}: ${text.slice(0, 300)}`;
  const retryAfterMs = Number(headers.get('retry-after') ?? 0) * 1_000;
  if (status === 429 || status >= 500) throw new NotNow(reason, retryAfterMs);
  throw new Refused(reason);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
