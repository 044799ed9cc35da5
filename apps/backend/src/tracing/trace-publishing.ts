import type { Publication, Publisher } from '@longshore/broker';
import type { Tracing } from '@longshore/runtime';
import type { RunTraces } from './run-traces.ts';

/** A publisher that is seen in the traces of the requests whose first runs it publishes. */
export function tracePublishing(
  publisher: Publisher,
  tracing: Tracing,
  traces: Pick<RunTraces, 'known'>,
): Publisher {
  return {
    ...publisher,
    publish: async (brokerQueue, messages) => {
      const attributes = { 'messaging.destination.name': brokerQueue };
      const spans = [...tracesOf(messages, traces)].map((parent) =>
        tracing.start('publish', { parent, kind: 'producer', attributes }),
      );
      try {
        await publisher.publish(brokerQueue, messages);
        for (const span of spans) span.end();
      } catch (error) {
        for (const span of spans) span.end((error as Error).message);
        throw error;
      }
    },
  };
}

function tracesOf(messages: readonly Publication[], traces: Pick<RunTraces, 'known'>): Set<string> {
  const ids = messages.flatMap(({ message }) => message.run_ids);
  return new Set(ids.flatMap((id) => traces.known(id) ?? []));
}
