export interface TaskErrorOptions extends ErrorOptions {
  /** Whether another attempt may succeed. Default true. */
  retryable?: boolean;
  /** When to try again, milliseconds from now (a `Retry-After` that was received, say); at most a day. Default: as the task's backoff says. */
  retryAfterMs?: number;
  /** What there is of a result; kept with the failed run. */
  output?: unknown;
}

/** A handler throws this to say what went wrong in words of its own, and whether and when to try again. */
export class TaskError extends Error {
  override readonly name = 'TaskError';
  /** For programs: short, without spaces, stable. */
  readonly code: string;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly output: unknown;

  constructor(code: string, message: string, options: TaskErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.retryable = options.retryable ?? true;
    this.retryAfterMs = options.retryAfterMs;
    this.output = options.output;
  }
}

/** By its shape: a task file may have brought its own copy of this class. */
export function isTaskError(error: unknown): error is TaskError {
  return (
    error instanceof Error && error.name === 'TaskError' && typeof (error as TaskError).code === 'string'
  );
}
