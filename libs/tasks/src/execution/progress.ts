import type { ProgressRequest } from '@longshore/contracts';
import { advisoryJson, cleanText } from './clean-json.ts';

export type Progress = Omit<ProgressRequest['items'][number], 'token'>;

/** What a handler says of its progress, as it may be told. Never throws. */
export function progressOf(percentage: unknown, message?: unknown, data?: unknown): Progress {
  const known = typeof percentage === 'number' && !Number.isNaN(percentage);
  return {
    percentage: known ? Math.min(100, Math.max(0, percentage)) : null,
    message: typeof message === 'string' ? cleanText(message, 1_000) : null,
    data: advisoryJson(data),
  };
}
