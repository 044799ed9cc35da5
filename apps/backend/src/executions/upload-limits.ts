import { apiError, type ApiError } from '@longshore/contracts';

/** How much one request may bring. */
export interface UploadLimits {
  readonly maxFileBytes: number;
  readonly maxRequestBytes: number;
  readonly maxFiles: number;
}

export const MAX_FIELDS = 50;
export const MAX_FIELD_BYTES = 1024 * 1024;
/** All fields together: they are held in memory. */
export const MAX_FORM_BYTES = 2 * MAX_FIELD_BYTES;

export function requestTooLarge(maxRequestBytes: number): ApiError {
  return apiError('too_large', `The request is larger than ${maxRequestBytes} bytes`, 'files');
}

export function fileTooLarge(filename: string | undefined, maxFileBytes: number): ApiError {
  const shown = (filename ?? 'a file').slice(0, 80);
  return apiError('too_large', `"${shown}" is larger than ${maxFileBytes} bytes`, 'files');
}

export function fieldTooLarge(name: string): ApiError {
  const detail = `A field may have ${MAX_FIELD_BYTES} bytes, all fields together ${MAX_FORM_BYTES}`;
  return apiError('too_large', detail, name);
}

export function tooManyFiles(maxFiles: number): ApiError {
  return apiError('invalid', `At most ${maxFiles} files a request`, 'files');
}

export function tooManyFields(): ApiError {
  return apiError('malformed_request', `At most ${MAX_FIELDS} fields a request`);
}
