import { MessageChannel } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import type { HealthServer } from '@longshore/runtime';
import type { FromFront, ToFront } from './health-front.ts';

/** The health server that a front takes the place of. */
export type ReplaceableHealth = Pick<HealthServer, 'host' | 'port' | 'answer' | 'leave'>;

/**
 * Gives the port of this health server to the thread that gets `ofThread`: once that is up the server leaves the port to it, and answers over
 * the channel from then on. Who asks in the moment between hears that nobody is there.
 */
export function standBehindFront({ host, port, answer, leave }: ReplaceableHealth): {
  readonly ofThread: MessagePort;
  /** Resolves when the thread answers at the port. */
  readonly done: Promise<void>;
} {
  const { port1: channel, port2: ofThread } = new MessageChannel();
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const post = (message: ToFront): void => channel.postMessage(message);
  const giveWay = async (): Promise<void> => {
    const health = await answer({ method: 'GET', path: '/health' });
    leave();
    post({ type: 'listen', host, port, health });
  };
  channel.on('message', (message: FromFront) => {
    if (message.type === 'here') return void giveWay();
    if (message.type === 'listening') return resolve();
    const { id, question } = message;
    void answer(question).then((given) => post({ type: 'answer', id, answer: given }));
  });
  channel.unref();
  return { ofThread, done };
}
