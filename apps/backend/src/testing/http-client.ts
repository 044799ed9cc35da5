import type { ErrorBody } from '@longshore/contracts';
import { silentLogger, waitUntil } from '@longshore/runtime';
import type { TestDeployment } from './http-backend.ts';

export interface Upload {
  readonly name: string;
  readonly content: string | Uint8Array;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed where it is JSON; null when there is none. */
  readonly body: any; // eslint-disable-line @typescript-eslint/no-explicit-any -- a test names what it expects of it
}

type Fields = Readonly<Record<string, string>>;
interface Options {
  readonly key?: string | null;
  readonly slash?: boolean;
  readonly idempotencyKey?: string;
}

/** Posts files to a deployment, with its own key unless told otherwise; a null key sends no header. */
export async function post(
  deployment: TestDeployment,
  files: readonly Upload[],
  fields: Fields = {},
  { key = deployment.key, slash = true, idempotencyKey }: Options = {},
): Promise<Answer> {
  const form = new FormData();
  for (const { name, content } of files) form.append('files', new Blob([content as string]), name);
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  const headers = {
    ...bearer(key),
    ...(idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey }),
  };
  return await answer(fetch(`${deployment.url}${slash ? '/' : ''}`, { method: 'POST', headers, body: form }));
}

/** Asks for the state of an execution. */
export async function poll(
  deployment: TestDeployment,
  executionId: string,
  query: Fields = {},
  { key = deployment.key, slash = true }: Omit<Options, 'idempotencyKey'> = {},
): Promise<Answer> {
  const words = new URLSearchParams({ execution_id: executionId, ...query });
  return await answer(fetch(`${deployment.url}${slash ? '/' : ''}?${words}`, { headers: bearer(key) }));
}

export async function answer(sent: Promise<Response>): Promise<Answer> {
  const response = await sent;
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  const body: unknown = text === '' ? null : isJson ? JSON.parse(text) : text;
  return { status: response.status, headers: response.headers, body };
}

export function bearer(key: string | null): Record<string, string> {
  return key === null ? {} : { Authorization: `Bearer ${key}` };
}

/** What an error answer is expected to be, word by word. */
export function refusal(type: ErrorBody['type'], code: string, detail: unknown, attr: string | null = null) {
  return { type, errors: [{ code, detail, attr }] };
}

export const textFile = (name: string, content = `content of ${name}`): Upload => ({ name, content });

/** Waits until the probe is true, for at most a minute: against hanging, not to say how long it may take. */
export function eventually(probe: () => Promise<boolean>): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  return waitUntil('a test', probe, { everyMs: 10, logger: silentLogger(), signal });
}
