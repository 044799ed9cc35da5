import type { RedactPass } from './redact.ts';
import { redactValue } from './redact.ts';

interface ErrorLike {
  readonly name?: unknown;
  readonly message: unknown;
  readonly stack?: unknown;
  readonly code?: unknown;
  readonly status?: unknown;
  readonly response?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

/** Errors of this realm and of others (a thread, a test's sandbox), and what HTTP clients make of theirs. */
export function isErrorLike(value: object): value is ErrorLike {
  if (value instanceof Error) return true;
  const candidate = value as Partial<ErrorLike> & { isAxiosError?: unknown };
  if (typeof candidate.message !== 'string') return false;
  return typeof candidate.stack === 'string' || candidate.isAxiosError === true;
}

/**
 * What may be known of an error. Everything else on it (requests, headers, configuration, rows) is where secrets and
 * documents hide, so the list says what stays, not what goes.
 */
export function redactError(error: ErrorLike, pass: RedactPass): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  const keep = (name: string, read: () => unknown): void => {
    const value = read();
    if (value !== undefined && value !== null && value !== '') shown[name] = redactValue(value, pass);
  };
  keep('name', () => text(error.name));
  keep('message', () => text(error.message));
  keep('code', () => scalar(error.code));
  keep('status', () => scalar(error.status ?? (error.response as { status?: unknown } | undefined)?.status));
  keep('stack', () => text(error.stack));
  keep('cause', () => error.cause);
  keep('errors', () => (Array.isArray(error.errors) ? error.errors : undefined));
  return shown;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function scalar(value: unknown): unknown {
  return typeof value === 'string' || typeof value === 'number' ? value : undefined;
}
