import type { CoreWorkerName } from '@longshore/contracts';
import type { z } from 'zod';

/** The processes that read configuration. `worker` stands for every worker process. */
export type ProcessName = 'backend' | 'worker' | 'cli' | CoreWorkerName;

/** One environment variable: all that loading, checking and documenting it needs. */
export interface Variable<T = unknown> {
  readonly env: string;
  /** From the text in the environment to the value. Its messages continue the sentence "NAME …". */
  readonly schema: z.ZodType<T, string>;
  /**
   * `required`: a process that asks for it does not start without it. `optional`: undefined. Otherwise the text it
   * has when not set, in which `<NAME>` stands for another variable.
   */
  readonly fallback: Fallback;
  /** What is allowed, in words. */
  readonly range: string;
  /** What it does, one sentence. */
  readonly help: string;
  readonly readBy: readonly ProcessName[];
  /** Never shown, and readable from the file that `NAME_FILE` names. */
  readonly secret: boolean;
  /** Other names that are understood, in this order, when the first one is not set. */
  readonly aliases: readonly string[];
  /** Completes the text from other variables (a password kept apart from its URL), in this order. */
  readonly complete?: readonly Completion[];
}

interface Completion {
  readonly from: string;
  /** Relative paths count from `cwd`. */
  readonly apply: (text: string, other: string, cwd: string) => string;
}

export type Fallback = 'required' | 'optional' | { readonly text: string };

type Details<T> = Pick<Variable<T>, 'env' | 'schema' | 'range' | 'help' | 'readBy'> &
  Partial<Pick<Variable<T>, 'secret' | 'aliases' | 'complete'>>;

/** A variable without which the process does not start. */
export function required<T>(details: Details<T>): Variable<T> & { fallback: 'required' } {
  return { secret: false, aliases: [], ...details, fallback: 'required' };
}

/** A variable whose absence means something. */
export function optional<T>(details: Details<T>): Variable<T> & { fallback: 'optional' } {
  return { secret: false, aliases: [], ...details, fallback: 'optional' };
}

/** A variable with a value of its own, written as in the environment. */
export function defaulting<T>(
  text: string,
  details: Details<T>,
): Variable<T> & { fallback: { readonly text: string } } {
  return { secret: false, aliases: [], ...details, fallback: { text } };
}
