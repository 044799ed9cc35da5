import { taskDescriptorSchema } from '@longshore/contracts';
import { z } from 'zod';
import { problemsOf } from './definition-problems.ts';
import type { RetryIf } from './retry-policy.ts';
import { backoffSchema, DEFAULT_BACKOFF } from './retry-policy.ts';
import { describedLimits, limitsSchema } from './task-limits.ts';

/** A week: what takes longer is better cut into runs that can be tried again one by one. */
const LONGEST_LIMIT_MS = 604_800_000;
const DEFAULT_HARD_LIMIT_MS = 3_600_000;
/** Of the hard limit. The rest is the time that a handler has to heed its signal. */
const SOFT_SHARE = 11 / 12;
const DEFAULT_MEMORY_MB = 512;

const { name, group, queue, description, max_attempts, isolation } = taskDescriptorSchema.shape;
const limitSchema = z.int().positive().max(LONGEST_LIMIT_MS);

/** Strict: a misspelt key would otherwise be a limit that nobody keeps. */
const settingsSchema = z
  .strictObject({
    name,
    group: group.default('General'),
    queue: queue.default('default'),
    description,
    maxAttempts: max_attempts.default(3),
    backoff: backoffSchema.default(DEFAULT_BACKOFF),
    retryIf: z.custom<RetryIf>((value) => typeof value === 'function', 'must be a function').optional(),
    softLimitMs: limitSchema.optional(),
    hardLimitMs: limitSchema.default(DEFAULT_HARD_LIMIT_MS),
    isolation: isolation.default('inline'),
    memoryMb: z.int().min(32).max(1_048_576).optional(),
    limits: limitsSchema.default([]),
  })
  .refine(({ softLimitMs = 0, hardLimitMs }) => !(softLimitMs > hardLimitMs), {
    path: ['softLimitMs'],
    error: 'lies behind the hard limit',
    when: () => true,
  })
  .refine(({ isolation: its, memoryMb }) => its !== 'inline' || memoryMb === undefined, {
    path: ['memoryMb'],
    error: 'only the isolations "thread" and "process" can limit memory',
    when: () => true,
  });

/** All keys of a definition. */
export const DEFINITION_KEYS: readonly string[] = [...Object.keys(settingsSchema.shape), 'input', 'handler'];

export type TaskSettings = ReturnType<typeof settingsIn>;

/**
 * The settings of a definition with their defaults, those of its descriptor as that calls them; or all that is wrong with them. `known`: the
 * keys that a definition of its kind may have.
 */
export function settingsOf(
  definition: object,
  known: readonly string[] = DEFINITION_KEYS,
): { readonly settings: TaskSettings } | { readonly problems: string[] } {
  const { input: _input, handler: _handler, ...given } = definition as Record<string, unknown>;
  const { data, error } = settingsSchema.safeParse(given);
  return error === undefined ? { settings: settingsIn(data) } : { problems: problemsOf(error, known) };
}

function settingsIn(settings: z.output<typeof settingsSchema>) {
  const { maxAttempts, softLimitMs, hardLimitMs, backoff, retryIf, memoryMb, limits, ...named } = settings;
  return {
    ...named,
    max_attempts: maxAttempts,
    soft_limit_ms: softLimitMs ?? Math.max(1, Math.round(hardLimitMs * SOFT_SHARE)),
    hard_limit_ms: hardLimitMs,
    ...(limits.length > 0 && { limits: describedLimits(limits) }),
    ...{ backoff, retryIf, memoryMb: memoryMb ?? DEFAULT_MEMORY_MB },
  };
}
