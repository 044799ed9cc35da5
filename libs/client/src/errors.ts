import type { ErrorBody, ErrorCode } from '@longshore/contracts';

/** The platform refused, or something before it answered instead. `errors` says why, one entry for each reason. */
export class LongshoreError extends Error {
  override readonly name = 'LongshoreError';
  /** HTTP status. */
  readonly status: number;
  /** Empty when the answer was none of the platform's. */
  readonly errors: ErrorBody['errors'];
  /** Seconds that the answer asked to wait before the next try. */
  readonly retryAfterSeconds: number | undefined;
  /** Names the request in the platform's log. */
  readonly requestId: string | undefined;

  constructor(response: Response, text: string) {
    const errors = errorsIn(text);
    super(errors.map(({ detail }) => detail).join('; ') || `status ${response.status}`);
    this.status = response.status;
    this.errors = errors;
    this.requestId = response.headers.get('x-request-id') ?? undefined;
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
    this.retryAfterSeconds = Number.isFinite(seconds) ? seconds : undefined;
  }

  /** True when one of the reasons has this code. */
  is(code: ErrorCode): boolean {
    return this.errors.some((error) => error.code === code);
  }
}

function errorsIn(text: string): ErrorBody['errors'] {
  try {
    return (JSON.parse(text) as Partial<ErrorBody> | null)?.errors ?? [];
  } catch {
    // A proxy in between answers in its own words.
    return [];
  }
}
