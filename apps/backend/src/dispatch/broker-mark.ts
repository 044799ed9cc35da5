import { createHash } from 'node:crypto';
import type { Publisher } from '@longshore/broker';
import { answerWithin, type Clock, type Logger } from '@longshore/runtime';
import type { Database } from '../store/database.ts';
import { instanceSecret } from '../store/instance-secret.ts';

/** A broker that takes longer is not waited for. */
const WITHIN_MS = 1_000;

export interface BrokerMarkDependencies {
  readonly database: Database;
  readonly publisher: Pick<Publisher, 'mark'>;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'error'>;
}

/**
 * By its mark a worker knows the broker of its platform from any other that it could reach: at another one it would wait for ever for work, and
 * nobody would see why. The mark is one for a database, so a restored one has the same. It is written whenever a worker asks which it is, right before it looks:
 * so it costs nothing in between, and a broker that was emptied has it again when it is needed.
 *
 * @returns what marks the broker, and answers with the mark; with undefined when the broker did not take it within a second
 */
export async function createBrokerMark({ database, publisher, clock, logger }: BrokerMarkDependencies) {
  const secret = await instanceSecret(database, 'broker_mark');
  const mark = createHash('sha256').update(secret).digest('hex').slice(0, 32);
  const tellOther = (before: string | null): string => {
    if (before !== null && before !== mark)
      logger.error(
        'Another platform marked this broker too: give each a Redis, or a number of its databases, of its own',
      );
    return mark;
  };
  return () => {
    const marked = publisher.mark(mark).then(tellOther, () => undefined);
    return answerWithin(WITHIN_MS, marked, clock);
  };
}
