import { openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  ApiError,
  type ExecuteResponse,
  type ExecutionDetail,
  type ExecutionStatus,
  routes,
} from '@longshore/contracts';
import type { Clock } from '@longshore/runtime';
import { CliError } from '../cli-error.ts';
import type { PlatformClient } from './platform-client.ts';

export interface Submission {
  organisation: string;
  apiName: string;
  /** Paths of the files to send. */
  files: readonly string[];
  /** Further fields of the form, as the deployment API names them. */
  fields?: Readonly<Record<string, string>>;
  /** A repeated submission of the same key is answered with the first one's execution. */
  idempotencyKey?: string | undefined;
  signal?: AbortSignal;
}

type Answer = ExecuteResponse['message'];

/** Posts the files to a deployment; answers with the execution's id, which is stored when this returns. */
export async function submitFiles(client: PlatformClient, submission: Submission): Promise<string> {
  return (await postFiles(client, submission)).execution_id;
}

/** Posts the files to a deployment. What it answers holds the result, when the time-out in the fields was long enough. */
export async function postFiles(client: PlatformClient, submission: Submission): Promise<Answer> {
  const { organisation, apiName, files, fields = {}, idempotencyKey, signal } = submission;
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  for (const file of files) form.append('files', await readableFile(file), basename(file));
  try {
    const params = { org: organisation, api_name: apiName };
    const headers = idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey };
    const given = { params, body: form, headers, ...(signal && { signal }) };
    return (await client.call(routes.executeDeployment, given)).message;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    const message = `Organisation ${organisation} has no active deployment ${apiName}: check the name, or make it with "longshore apply".`;
    throw new CliError(message, { cause: error });
  }
}

async function readableFile(path: string): Promise<Blob> {
  try {
    const blob = await openAsBlob(path);
    if ((await stat(path)).isFile()) return blob;
  } catch (error) {
    throw new CliError(
      `The file ${path} cannot be read: check that it is there and that this user may read it.`,
      { cause: error },
    );
  }
  throw new CliError(`${path} is no file: name the files to send, as in ${join(path, '*.pdf')}.`);
}

export interface WatchOptions {
  client: PlatformClient;
  clock: Pick<Clock, 'sleep'>;
  signal?: AbortSignal;
  /** Called with each answer. */
  onProgress?: (detail: ExecutionDetail) => void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/** Asks for the execution until it has ended; reading this way does not count as fetching the result. */
export async function watchExecution(executionId: string, options: WatchOptions): Promise<ExecutionDetail> {
  const { client, signal } = options;
  const asked = { params: { id: executionId }, ...(signal && { signal }) };
  return await untilEnded(() => client.call(routes.execution, asked), options);
}

/** Asks, again after growing pauses, until the execution that is told of has ended. */
export async function untilEnded<Told extends { status: ExecutionStatus }>(
  ask: () => Promise<Told>,
  {
    clock,
    signal,
    onProgress,
  }: Pick<WatchOptions, 'clock' | 'signal'> & { onProgress?: (told: Told) => void },
): Promise<Told> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.1, LONGEST_PAUSE_MS)) {
    const told = await ask();
    onProgress?.(told);
    if (hasEnded(told.status)) return told;
    await clock.sleep(pauseMs, signal);
  }
}

/** Whether nothing more will come of it. */
export function hasEnded(status: ExecutionStatus): boolean {
  switch (status) {
    case 'PENDING':
    case 'EXECUTING':
      return false;
    case 'COMPLETED':
    case 'ERROR':
    case 'STOPPED':
      return true;
  }
}
