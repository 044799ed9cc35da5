import type { Logger } from '../logger/logger.ts';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';

export interface WaitOptions {
  /** Pause between two probes, milliseconds. */
  everyMs: number;
  /** Ends the wait: `waitUntil` rejects with its reason. */
  signal?: AbortSignal;
  logger: Logger;
  /** A probe that takes longer counts as "not yet", milliseconds (default 10,000). */
  probeTimeoutMs?: number;
  clock?: Clock;
}

type Probe = (signal: AbortSignal) => Promise<unknown> | unknown;

/** The first wait is told at once, later ones only now and then: a broker may be away for hours. */
const REMIND_EVERY_MS = 30_000;

/** Settles as the probe does, but never later than its signal: a probe that ignores it must not hold the wait. */
async function probeOnce(probe: Probe, signal: AbortSignal): Promise<unknown> {
  const { promise: given, reject: giveUp } = Promise.withResolvers<never>();
  const onAbort = (): void => giveUp(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([(async () => probe(signal))(), given]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * Waits for something this process cannot do without ("wait for the broker, every 2 s"). The probe says "not yet"
 * by throwing or by returning false; anything else it returns ends the wait. Rejects only through the signal.
 */
export async function waitUntil(label: string, probe: Probe, options: WaitOptions): Promise<void> {
  const { everyMs, signal, logger, probeTimeoutMs = 10_000, clock = systemClock } = options;
  const since = clock.monotonic();
  let toldAt: number | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const reason = await whyNotYet(probe, probeTimeoutMs, signal);
    signal?.throwIfAborted();
    const now = clock.monotonic();
    if (reason === undefined) {
      if (toldAt !== undefined)
        logger.info('wait is over', { for: label, waited_ms: Math.round(now - since) });
      return;
    }
    if (toldAt === undefined || now - toldAt >= REMIND_EVERY_MS) {
      logger.info('waiting', { for: label, reason, retry_ms: everyMs });
      toldAt = now;
    }
    await clock.sleep(everyMs, signal);
  }
}

/** The reason to go on waiting, or undefined when the probe is content. */
async function whyNotYet(probe: Probe, timeoutMs: number, signal: AbortSignal | undefined): Promise<unknown> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await probeOnce(probe, signal ? AbortSignal.any([signal, timeout]) : timeout);
    return answer === false ? 'not ready' : undefined;
  } catch (error) {
    return error instanceof Error ? error.message : error;
  }
}
