import { apiError } from '@longshore/contracts';
import type { Request } from 'express';
import { readMultipart } from '../executions/multipart.ts';
import { parsePipelineFields } from '../executions/request-fields.ts';
import type { UploadLimits } from '../executions/upload-limits.ts';

/** How a run of a pipeline is asked for. */
export type RunRequest = ReturnType<typeof parsePipelineFields>;

const MAX_BODY_BYTES = 1024 * 1024;

/**
 * Reads the fields of a request: a form, a JSON object, or no body at all.
 *
 * @throws ApiError 400 for a wrong field or a malformed body, 413 for more than 1 MiB, 415 for any other body.
 */
export async function readRunRequest(request: Request, limits: UploadLimits): Promise<RunRequest> {
  request.setTimeout(limits.stalledMs);
  try {
    return parsePipelineFields(await fieldsOf(request, limits));
  } finally {
    request.setTimeout(0);
  }
}

async function fieldsOf(request: Request, limits: UploadLimits): Promise<Record<string, string>> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  if (type === 'multipart/form-data') {
    const bounded = { ...limits, maxRequestBytes: MAX_BODY_BYTES };
    return { ...(await readMultipart(request, bounded, refuseFile)).fields };
  }
  const text = await textOf(request);
  if (text === '') return {};
  if (type === 'application/json') return fieldsOfJson(text);
  if (type === 'application/x-www-form-urlencoded') return fieldsOfForm(text);
  throw apiError('unsupported_media_type', 'Send a form, a JSON object, or no body');
}

function refuseFile(): Promise<void> {
  return Promise.reject(apiError('invalid', 'A pipeline reads its own source and takes no files', 'files'));
}

async function textOf(request: Request): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) break;
      chunks.push(chunk);
    }
  } catch {
    throw apiError('malformed_request', 'The client went away in the middle of the request');
  }
  if (size > MAX_BODY_BYTES) throw apiError('too_large', `The body is larger than ${MAX_BODY_BYTES} bytes`);
  return Buffer.concat(chunks).toString();
}

function fieldsOfForm(text: string): Record<string, string> {
  const fields = new URLSearchParams(text);
  const twice = [...fields.keys()].find((name) => fields.getAll(name).length > 1);
  if (twice !== undefined) throw apiError('invalid', 'The field is given twice', twice);
  return Object.fromEntries(fields);
}

/** The same words as in a form; what JSON can say better is taken too: `true`, `30`, an object, a list of tags. */
function fieldsOfJson(text: string): Record<string, string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw apiError('malformed_request', `The body is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw apiError('invalid', 'Must be a JSON object.', 'body');
  const given = Object.entries(value).filter(([, field]) => field !== null);
  return Object.fromEntries(given.map(([name, field]) => [name, asText(name, field)]));
}

function asText(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  return name === 'tags' && Array.isArray(value) ? value.map(String).join(',') : JSON.stringify(value);
}
