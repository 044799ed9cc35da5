import { Writable } from 'node:stream';
import { createLogger, uuidV7 } from '@longshore/runtime';
import type { Publication } from './index.ts';
import { createConsumer, createPublisher, waitForBroker } from './index.ts';

const PATIENCE_MS = 40_000;
const LOOK_EVERY_MS = 50;

/** A dispatch of one run, as the dispatcher would publish it. */
export function someMessage(): Publication {
  const dispatchId = uuidV7();
  return { id: `${dispatchId}_1`, message: { dispatch_id: dispatchId, run_ids: [uuidV7()] } };
}

/** A logger that writes into the list. */
export function listeningLogger() {
  const lines: string[] = [];
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString());
      done();
    },
  });
  return { logger: createLogger({ worker: 'test', level: 'debug', destination }), lines };
}

/** A publisher and a consumer of one queue of this broker. */
export async function openFlow(brokerUrl: string) {
  const { logger, lines } = listeningLogger();
  await waitForBroker({ brokerUrl, logger, signal: AbortSignal.timeout(PATIENCE_MS) });
  const publisher = createPublisher({ brokerUrl, logger });
  const arrived = new Set<string>();
  const handle = async (_message: unknown, jobId: string): Promise<void> => void arrived.add(jobId);
  const consumer = createConsumer({ brokerUrl, brokerQueue: 'pool', concurrency: 5, logger, handle });
  await consumer.start();
  const publish = (message: Publication) => publisher.publish('pool', [message]);
  return {
    lines,
    publish,
    /** Publishes one message until the broker takes it, as the database would, and waits until it arrives. */
    async delivers(): Promise<void> {
      const message = someMessage();
      await until('a message is taken', async () => {
        await publish(message);
        return true;
      });
      // What was taken by a server that was lost right afterwards is published again under another id.
      const ids = [message.id];
      await until('a message arrives', async () => {
        if (ids.some((id) => arrived.has(id))) return true;
        const again = `${message.id}-${ids.length}`;
        ids.push(again);
        await publish({ ...message, id: again });
        return false;
      });
    },
    async close(): Promise<void> {
      await consumer.close(AbortSignal.timeout(2_000));
      await publisher.close(AbortSignal.timeout(2_000));
    },
  };
}

/** What the start of a process says about this broker: the reason why it waits, or why it does not start. */
export async function saidAtStart(brokerUrl: string): Promise<string> {
  const { logger, lines } = listeningLogger();
  const enough = new AbortController();
  const started = waitForBroker({ brokerUrl, logger, signal: enough.signal }).then(
    () => 'it starts',
    (error: unknown) => String(error),
  );
  let isOver = false;
  void started.then(() => (isOver = true));
  await until('it waits or ends', async () => isOver || lines.some((line) => line.includes('"waiting"')));
  if (isOver) return started;
  enough.abort();
  await started;
  return lines.join();
}

/** Waits until it holds; a look that rejects says "not yet". */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const holdsNow = await holds().catch(() => false);
    if (holdsNow) return;
    if (performance.now() > deadline) throw new Error(`not within ${PATIENCE_MS / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
