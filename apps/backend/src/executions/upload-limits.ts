import { apiError, type ApiError } from '@longshore/contracts';

/** How much one request may bring. */
export interface UploadLimits {
  readonly maxFileBytes: number;
  readonly maxRequestBytes: number;
  /** Files and addresses of files together. */
  readonly maxFiles: number;
  /** A client that sends nothing for this long in the middle of a request is taken for gone, ms. */
  readonly stalledMs: number;
}

/** Fields besides the addresses of files, which count as files. */
export const MAX_FIELDS = 50;
export const MAX_FIELD_BYTES = 1024 * 1024;
/** All fields together: they are held in memory. */
export const MAX_FORM_BYTES = 2 * MAX_FIELD_BYTES;

export function requestTooLarge(maxRequestBytes: number, field = 'files'): ApiError {
  return apiError('too_large', `The request is larger than ${maxRequestBytes} bytes`, field);
}

export function fileTooLarge(filename: string | undefined, maxFileBytes: number): ApiError {
  const shown = (filename ?? 'a file').slice(0, 80);
  return apiError('too_large', `"${shown}" is larger than ${maxFileBytes} bytes`, 'files');
}

export function fieldTooLarge(name: string): ApiError {
  const detail = `A field may have ${MAX_FIELD_BYTES} bytes, all fields together ${MAX_FORM_BYTES}`;
  return apiError('too_large', detail, name);
}

export function tooManyFiles(maxFiles: number, field = 'files'): ApiError {
  return apiError('invalid', `At most ${maxFiles} files a request`, field);
}

export function tooManyFields(): ApiError {
  return apiError('malformed_request', `At most ${MAX_FIELDS} fields a request`);
}
