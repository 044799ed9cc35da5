import { z } from 'zod';
import { MISSING } from './issue-wording.ts';

/** The body of every refused HTTP request. */
export const errorBodySchema = z.object({
  type: z.enum(['client_error', 'validation_error', 'server_error']),
  errors: z.array(z.object({ code: z.string(), detail: z.string(), attr: z.string().nullable() })).min(1),
});
export type ErrorBody = z.infer<typeof errorBodySchema>;
export type ErrorDetail = ErrorBody['errors'][number];

/** Every error code of the HTTP API with its status. Documents and server are both held against this table. */
export const errorCodes = Object.freeze({
  invalid: 400,
  required: 400,
  malformed_request: 400,
  authentication_failed: 401,
  key_required: 401,
  missing_api_key: 403,
  permission_denied: 403,
  not_found: 404,
  method_not_allowed: 405,
  already_acknowledged: 406,
  conflict: 409,
  idempotency_conflict: 409,
  session_lapsed: 410,
  too_large: 413,
  unsupported_media_type: 415,
  invalid_parameters: 422,
  upgrade_required: 426,
  too_many_executions: 429,
  too_many_attempts: 429,
  internal_error: 500,
  fetch_failed: 502,
  unavailable: 503,
  fetch_timeout: 504,
} as const);
export type ErrorCode = keyof typeof errorCodes;

/**
 * The one error that crosses HTTP. Thrown anywhere in the backend, translated once at its edge; the client
 * rebuilds it from the answer.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly errors: readonly ErrorDetail[];
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, errors: readonly ErrorDetail[], retryAfterSeconds?: number) {
    super(errors.map((error) => error.detail).join('; '));
    this.status = status;
    this.errors = errors;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** The JSON body for this error. */
  get body(): ErrorBody {
    return { type: errorTypeOf(this.status, this.errors), errors: [...this.errors] };
  }
}

function errorTypeOf(status: number, errors: readonly ErrorDetail[]): ErrorBody['type'] {
  if (status >= 500) return 'server_error';
  const aboutFields = (status === 400 || status === 422) && errors.every((error) => error.attr !== null);
  return aboutFields ? 'validation_error' : 'client_error';
}

/** Builds an {@link ApiError} from a code of the table. */
export function apiError(code: ErrorCode, detail: string, attr: string | null = null): ApiError {
  return new ApiError(errorCodes[code], [{ code, detail, attr }]);
}

/** A 400 that names every wrong field: one entry per zod issue, `attr` being the dotted path. */
export function validationError(
  issues: readonly { path: PropertyKey[]; message: string; code?: string | undefined }[],
): ApiError {
  return new ApiError(
    400,
    issues.map((issue) => ({
      code: issue.message === MISSING ? 'required' : 'invalid',
      detail: issue.message === MISSING ? 'This field is required' : issue.message,
      attr: issue.path.length === 0 ? 'body' : issue.path.map(String).join('.'),
    })),
  );
}
