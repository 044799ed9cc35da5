import { createHash } from 'node:crypto';
import { durationMs, type ScheduleForm } from '@longshore/contracts';

/**
 * When a schedule is due whose time is `fireAt`: late by a part of its jitter that follows from schedule and time alone, so that
 * whoever computes it comes to the same. Ms since 1970.
 */
export function dueAfter(
  scheduleId: string,
  { jitter }: Pick<ScheduleForm, 'jitter'>,
  fireAt: number,
): number {
  if (jitter === undefined) return fireAt;
  const hash = createHash('sha256').update(`${scheduleId} ${fireAt}`).digest();
  return fireAt + Math.floor((hash.readUInt32BE(0) / 2 ** 32) * durationMs(jitter));
}
