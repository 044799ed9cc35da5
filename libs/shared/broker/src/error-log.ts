import type { Logger } from '@longshore/runtime';
import type { BrokerAddress } from './broker-url.ts';

interface Complaint {
  readonly level: 'info' | 'warn';
  readonly message: string;
}

const REPEAT_AFTER_MS = 30_000;

/** A broker that was emptied or restarted knows nothing of the messages that were active: expected, and harmless. */
const FORGOTTEN = /Missing (key|lock) for job|could not renew lock|is not in the active state/;

const UNREACHABLE =
  /ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|timeout|Connection (is closed|terminated|ended)|isn't writeable|terminating connection|starting up|shutting down|LOADING/i;

function complaintOf(error: Error): Complaint {
  const text = `${(error as NodeJS.ErrnoException).code ?? ''} ${error.message}`;
  if (FORGOTTEN.test(text)) return { level: 'info', message: 'broker forgot active messages' };
  if (UNREACHABLE.test(text)) return { level: 'warn', message: 'broker is not reachable' };
  return { level: 'warn', message: 'broker trouble' };
}

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
    const { level, message } = complaintOf(error);
    const last = told.get(message);
    if (last !== undefined && monotonic() - last.at < REPEAT_AFTER_MS) {
      last.leftOut += 1;
      return;
    }
    told.set(message, { at: monotonic(), leftOut: 0 });
    logger[level](message, { broker: address.shown, reason: reasonOf(error), left_out: last?.leftOut ?? 0 });
  };
}

/** A failure to connect to a name with several addresses has an empty message and the reasons inside. */
function reasonOf(error: Error): string {
  if (error.message !== '') return error.message;
  return error instanceof AggregateError ? error.errors.map(String).join('; ') : error.name;
}
