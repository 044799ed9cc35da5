import type { Logger } from '@longshore/runtime';
import type { BrokerAddress } from './broker-url.ts';
import { troubleOf } from './trouble.ts';

const REPEAT_AFTER_MS = 30_000;

/**
 * Logs what connections to a broker complain about. A broker that is away makes thousands of errors: each kind is one
 * line in 30 s, with the number of those left out since the one before.
 */
export function brokerErrorLog(
  logger: Logger,
  address: BrokerAddress,
  monotonic: () => number = () => performance.now(),
): (error: Error) => void {
  const told = new Map<string, { at: number; leftOut: number }>();
  return (error) => {
    const { level, message, reason, advice } = troubleOf(error, address);
    const last = told.get(message);
    if (last !== undefined && monotonic() - last.at < REPEAT_AFTER_MS) {
      last.leftOut += 1;
      return;
    }
    told.set(message, { at: monotonic(), leftOut: 0 });
    const fields = { broker: address.shown, reason, left_out: last?.leftOut ?? 0 };
    logger[level](message, advice === undefined ? fields : { ...fields, advice });
  };
}

/** Remembers the last complaint for whoever asks about health, for as long as its line in the log counts. */
export function recentComplaint(
  address: BrokerAddress,
  monotonic: () => number = () => performance.now(),
): { note(error: Error): void; recent(): string | undefined } {
  let last: { readonly at: number; readonly text: string } | undefined;
  return {
    note(error) {
      const { level, message, reason, advice = '' } = troubleOf(error, address);
      if (level !== 'info')
        last = { at: monotonic(), text: `${message}: ${reason.replace(/\.+$/, '')}. ${advice}`.trimEnd() };
    },
    recent: () => (last !== undefined && monotonic() - last.at < REPEAT_AFTER_MS ? last.text : undefined),
  };
}
