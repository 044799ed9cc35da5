import { setTimeout as pause } from 'node:timers/promises';
import type { MeasuredPlatform } from '../platform.ts';
import type { KnownFile } from './make-pdf.ts';

type Api = Pick<MeasuredPlatform, 'url' | 'apiKey' | 'adminKey'>;

const WAIT_SECONDS = 300;
const LOOK_EVERY_MS = 250;

/** Creates or changes what stands in these documents. */
export async function apply({ url, adminKey }: Api, documents: readonly object[]): Promise<void> {
  const answer = await fetch(`${url}/api/v1/apply`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ organisation: 'default', documents }),
  });
  if (!answer.ok) throw new Error(await answer.text());
}

interface FileResult {
  readonly file: string;
  readonly status: string;
  readonly error: string | null;
  readonly extracted_text?: string;
}

/** Posts files in one request and waits for their results. @returns their texts, by name @throws when one of them failed */
export async function readAll(api: Api, files: readonly KnownFile[]): Promise<Map<string, string>> {
  const form = new FormData();
  for (const { name, bytes } of files) form.append('files', new Blob([Uint8Array.from(bytes)]), name);
  form.append('timeout', String(WAIT_SECONDS));
  form.append('include_extracted_text', 'true');
  const answer = await fetch(`${api.url}/deployment/api/default/documents/`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.apiKey}` },
    body: form,
  });
  const { message } = (await answer.json()) as { message: { result?: readonly FileResult[] } };
  const results = message.result ?? [];
  const failed = results.find(({ status }) => status !== 'Success');
  if (results.length < files.length || failed !== undefined)
    throw new Error(`answer ${answer.status}: ${failed?.file} ${failed?.error}`);
  return new Map(results.map((result) => [result.file, textOf(result)]));
}

const textOf = ({ extracted_text: text = '' }: FileResult): string => text;

/** Starts a pipeline. @returns the id of its execution */
export async function runPipeline(api: Api, id: string): Promise<string> {
  const answer = await fetch(`${api.url}/deployment/pipeline/api/default/${id}/`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.apiKey}` },
  });
  const text = await answer.text();
  const execution = /execution_id=([0-9a-f-]{36})|"execution_id":"([0-9a-f-]{36})"/u.exec(text);
  if (!answer.ok || execution === null) throw new Error(`answer ${answer.status}: ${text.slice(0, 300)}`);
  return (execution[1] ?? execution[2])!;
}

/** Waits for the end of an execution. @throws when it did not complete */
export async function untilEnded(api: Api, id: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`${api.url}/api/v1/executions/${id}`, {
      headers: { authorization: `Bearer ${api.apiKey}` },
    });
    const text = await answer.text();
    const status = /"status":\s*"(\w+)"/u.exec(text)?.[1];
    if (status === 'COMPLETED') return;
    if (!answer.ok || status === 'ERROR' || status === 'STOPPED') throw new Error(text.slice(0, 300));
    await pause(LOOK_EVERY_MS);
  }
}
