import { z } from 'zod';
import { isTaskError } from './task-error.ts';

/** Pauses between attempts: exponential, with a part of each left to chance. */
export interface Backoff {
  /** Longest pause before the first retry, milliseconds. */
  readonly baseMs: number;
  /** No pause is longer, milliseconds; at most a day. */
  readonly capMs: number;
  /** Each pause is this many times as long as the one before. Default 2; 1 = always the same. */
  readonly factor?: number;
  /** The part of each pause that chance decides, 0 to 1. Default 0.5: between half of it and all of it. */
  readonly jitter?: number;
}

/** How a task is tried again. How often is a column of its runs: `maxAttempts`. */
export interface RetryPolicy {
  readonly backoff: Required<Backoff>;
  readonly retryIf: RetryIf | undefined;
}

/** Whether what made an attempt fail (the first is 1) is worth another one. */
export type RetryIf = (error: unknown, attempt: number) => boolean;

/** A day; the backend takes no longer pause. */
const LONGEST_PAUSE_MS = 86_400_000;

const pauseSchema = z.number().min(0).max(LONGEST_PAUSE_MS);

export const backoffSchema = z
  .strictObject({
    baseMs: pauseSchema,
    capMs: pauseSchema,
    factor: z.number().min(1).max(1_000).default(2),
    jitter: z.number().min(0).max(1).default(0.5),
  })
  .refine(({ baseMs, capMs }) => baseMs <= capMs, 'capMs is below baseMs');

/** 2 s, 4 s, 8 s … up to 10 minutes. */
export const DEFAULT_BACKOFF: Required<Backoff> = Object.freeze({
  baseMs: 2_000,
  capMs: 600_000,
  factor: 2,
  jitter: 0.5,
});

/**
 * Milliseconds until the attempt after this one, which was the `attempt`-th to fail. Jitter keeps runs that failed together from coming
 * back together. `random` is uniform in [0, 1).
 */
export function pauseAfter(attempt: number, backoff: Required<Backoff>, random: () => number): number {
  const { baseMs, capMs, factor, jitter } = backoff;
  // The power outgrows every number long before the hundredth attempt, and 0 times that is no number.
  const longest = baseMs === 0 ? 0 : Math.min(capMs, baseMs * factor ** (attempt - 1));
  return Math.round(longest * (1 - jitter + jitter * random()));
}

/** An error that says it is not worth another attempt has the last word; of all others the policy may say so. */
export function isWorthRetrying(error: unknown, { retryIf }: RetryPolicy, attempt: number): boolean {
  if (isTaskError(error) && !error.retryable) return false;
  try {
    return retryIf?.(error, attempt) ?? true;
  } catch {
    // A policy that fails says nothing about the error, and attempts are bounded anyway.
    return true;
  }
}

/** The pause that an error asks for, milliseconds, bounded; null when it asks for none that makes sense. */
export function askedPause(error: unknown): number | null {
  const asked: unknown = isTaskError(error) ? error.retryAfterMs : undefined;
  if (typeof asked !== 'number' || Number.isNaN(asked)) return null;
  return Math.min(LONGEST_PAUSE_MS, Math.max(0, asked));
}
