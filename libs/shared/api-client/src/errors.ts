import { ApiError, errorBodySchema } from '@longshore/contracts';

/** The backend did not answer, or something before it answered instead of it. Worth a later try. */
export class BackendUnavailableError extends Error {
  override readonly name = 'BackendUnavailableError';
  readonly retryable = true;
  /** What it asked to wait, or what the breaker still waits. */
  readonly retryAfterMs: number | undefined;

  constructor(reason: string, retryAfterMs?: number) {
    super(`The backend is not available: ${reason}`);
    this.retryAfterMs = retryAfterMs;
  }
}

/** The backend speaks another contract: its answer does not fit the route's schema. */
export class UnexpectedAnswerError extends Error {
  override readonly name = 'UnexpectedAnswerError';
}

/** The bytes are more than the caller is ready to hold. */
export class TooManyBytesError extends Error {
  override readonly name = 'TooManyBytesError';

  constructor(maxBytes: number) {
    super(`It is larger than ${maxBytes} bytes`);
  }
}

export interface RawAnswer {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | undefined;
}

/** The error that an answer of status 400 and above means. */
export function errorOf({ status, text, retryAfter }: RawAnswer): Error {
  const seconds = Number(retryAfter);
  const retryAfterSeconds = retryAfter !== undefined && seconds >= 0 ? seconds : undefined;
  const body = errorBodySchema.safeParse(jsonOf(text));
  if (body.success) return new ApiError(status, body.data.errors, retryAfterSeconds);
  // Not our words: a proxy in between, or something else that listens on that port.
  const retryAfterMs = retryAfterSeconds === undefined ? undefined : retryAfterSeconds * 1000;
  if (status >= 500) return new BackendUnavailableError(`status ${status}`, retryAfterMs);
  return new UnexpectedAnswerError(`Status ${status} without the body of an error; is this the backend?`);
}

/** Undefined when it is no JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const RETRYABLE_STATUS = new Set([408, 429, 500, 502, 503, 504]);

/** Whether the same call may succeed later. */
export function isRetryable(error: unknown): boolean {
  if (error instanceof ApiError) return RETRYABLE_STATUS.has(error.status);
  return error instanceof BackendUnavailableError;
}

/** Whether it tells that nobody is there to answer; an error of the backend's own is an answer. */
export function isUnavailable(error: unknown): boolean {
  return isRetryable(error) && !(error instanceof ApiError && error.status === 500);
}

/** What the answer asked to wait, milliseconds. */
export function retryAfterMsOf(error: unknown): number {
  if (error instanceof ApiError) return (error.retryAfterSeconds ?? 0) * 1000;
  return error instanceof BackendUnavailableError ? (error.retryAfterMs ?? 0) : 0;
}
