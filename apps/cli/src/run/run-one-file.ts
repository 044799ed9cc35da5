import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { pipeline } from 'node:stream/promises';
import { ApiError } from '@longshore/contracts';
import type { PlatformClient } from '../client/platform-client.ts';
import type { ReadExecution, Standing } from '../client/read-execution.ts';
import { hasEnded, postFiles } from '../client/submit.ts';
import type { Patience } from './patience.ts';
import type { ResultLine } from './results-file.ts';

/** Where files of a batch are sent. */
export interface Target {
  readonly organisation: string;
  readonly apiName: string;
  /** Part of each file's idempotency key: whatever would make another result of the same file. */
  readonly version: string;
}

export interface FileMeans {
  readonly client: PlatformClient;
  /** Reads executions of the target. */
  readonly read: ReadExecution;
  readonly target: Target;
  readonly patience: Patience;
  /** Ends what is under way here; on the platform it goes on. */
  readonly signal: AbortSignal;
}

const SHA256 = /^[0-9a-f]{64}$/;
const UPLOAD_WITHIN_MS = 600_000;
const ANSWER_WITHIN_MS = 60_000;
const FIRST_LOOK_MS = 100;
const SLOWEST_LOOK_MS = 2_000;

/** Of its content, in lower-case hexadecimal digits. @throws when it cannot be read */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/**
 * Has the platform process one file, and tells what came of it. Sent again, also by another process after a kill, it is the same
 * execution: the key of each file is made of its path, its content and the version of the workflow.
 * @throws CliError, ApiError when that is not about this file: no right, no deployment, nobody there
 */
export async function runOneFile(file: string, sha256: string, means: FileMeans): Promise<ResultLine> {
  const named = { file, sha256 };
  try {
    const { execution_id: id } = await send(named, means);
    const ended = await endOf(id, means);
    // What a deployment tells is without the files of an execution, and its result is handed out once.
    const wasReadBefore = ended.result === null && ended.files === undefined;
    return lineOf(named, wasReadBefore ? await resultAgain(ended, named, means) : ended);
  } catch (error) {
    if (!(error instanceof ApiError) || !isAboutFile(error)) throw error;
    const reason = error.errors.map(({ detail }) => detail).join('; ');
    return { ...named, status: 'failed', output: null, error: reason, execution_id: null };
  }
}

type Named = Pick<ResultLine, 'file' | 'sha256'>;

async function send(named: Named, { client, target, patience, signal }: FileMeans) {
  return await patience.until('send', () =>
    postFiles(client, {
      ...{ organisation: target.organisation, apiName: target.apiName, files: [named.file] },
      idempotencyKey: keyOf(named, target),
      signal: AbortSignal.any([signal, AbortSignal.timeout(UPLOAD_WITHIN_MS)]),
    }),
  );
}

/**
 * A deployment's key reads a result once, and the answer, or the line of it, may have been lost: whoever sends the file again under its key is
 * given the result again.
 */
async function resultAgain(ended: Standing, named: Named, means: FileMeans): Promise<Standing> {
  const { result, error, execution_id: id } = await send(named, means);
  return id === ended.execution_id && result !== null ? { ...ended, result, error } : ended;
}

/** At most 255 characters, as keys are. */
function keyOf({ file, sha256 }: Named, { version }: Target): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([file, sha256, version]))
    .digest('hex');
  return `run-${digest}`;
}

/** A refusal of this content: too large, empty, of no known kind. */
function isAboutFile({ status }: ApiError): boolean {
  return [400, 413, 415, 422].includes(status);
}

async function endOf(id: string, { read, patience, signal }: FileMeans): Promise<Standing> {
  for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(lookMs * 1.2, SLOWEST_LOOK_MS)) {
    const detail = await patience.until('ask', () =>
      read(id, { signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]) }),
    );
    if (hasEnded(detail.status)) return detail;
    await pause(lookMs, undefined, { signal });
  }
}

function lineOf(named: Named, detail: Standing): ResultLine {
  const [result] = detail.result ?? [];
  const succeeded = detail.status === 'COMPLETED' && result?.status === 'Success';
  const why = result?.error ?? detail.error ?? `The execution ended as ${detail.status}`;
  const sent = result?.metadata.source_hash;
  return {
    ...named,
    // It may have been changed after it was read here.
    ...(sent !== undefined && SHA256.test(sent) ? { sha256: sent } : {}),
    status: succeeded ? 'succeeded' : 'failed',
    output: result?.result?.output ?? null,
    error: succeeded ? null : why,
    execution_id: detail.execution_id,
  };
}
