import { createHmac } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createManners, type Manner } from './manners.ts';
import { startReceiver, type WebhookReceiver } from './webhook-receiver.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

let receiver: WebhookReceiver;
let patience: AbortController;
afterEach(() => receiver.stop());

/** A sender loses its patience once the receiver has read what it will not answer: no clock decides. */
async function start(...manners: Manner[]): Promise<void> {
  receiver = await startReceiver((_id, nth) => {
    const manner = manners[nth - 1] ?? 'answers';
    if (manner === 'hangs') setImmediate(() => patience.abort());
    return manner;
  });
  receiver.trust(SECRET);
}

interface Sent {
  readonly body?: string;
  readonly signed?: string;
  readonly at?: number;
  readonly secret?: string;
}

async function send({ body = '{}', signed = body, at = Date.now(), secret = SECRET }: Sent = {}) {
  const seconds = String(Math.round(at / 1_000));
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const digest = createHmac('sha256', key).update(`d.${seconds}.${signed}`).digest('base64');
  const headers = {
    'webhook-id': 'd',
    'webhook-timestamp': seconds,
    'webhook-signature': `v1,AAAA v1,${digest}`,
  };
  patience = new AbortController();
  return await fetch(receiver.url, { method: 'POST', body, headers, signal: patience.signal }).then(
    ({ status }) => status,
    (error: Error) => (error.name === 'AbortError' ? 'silence' : 'cut'),
  );
}

describe('the receiver', () => {
  it('writes down what it has read before it misbehaves', async () => {
    await start('refuses', 'cuts', 'hangs');
    expect([await send(), await send(), await send(), await send()]).toEqual([500, 'cut', 'silence', 204]);
    expect(receiver.requests.map(({ isAnswered }) => isAnswered)).toEqual([false, false, false, true]);
  });

  it.each<[string, Sent, boolean]>([
    ['what is signed by the secret', { body: '{"a":"ä"}' }, true],
    ['a body that was changed', { signed: '{"a":1}' }, false],
    ['another secret', { secret: `whsec_${Buffer.alloc(32, 8).toString('base64')}` }, false],
    ['an old time', { at: Date.now() - 600_000 }, false],
  ])('takes for genuine, or not: %s', async (_what, sent, expected) => {
    await start();
    await send(sent);
    expect(receiver.requests).toMatchObject([{ id: 'd', isGenuine: expected }]);
  });
});

describe('its manners', () => {
  it('follow from the seed, end in an answer, and give one delivery up', async () => {
    await start();
    const behaviourOf = (seed: number) => {
      const mannerOf = createManners(seed);
      return Array.from({ length: 40 }, (_, delivery) =>
        Array.from({ length: 6 }, (_each, index) => mannerOf(`d${delivery}`, index + 1)),
      );
    };
    expect(behaviourOf(5)).toEqual(behaviourOf(5));
    expect(behaviourOf(5)).not.toEqual(behaviourOf(6));
    const failures = behaviourOf(5).map((manners) => manners.indexOf('answers'));
    expect(failures[2]).toBe(5);
    expect(new Set(failures.toSpliced(2, 1))).toEqual(new Set([0, 1, 2]));
    expect(new Set(behaviourOf(5).flat())).toEqual(new Set(['answers', 'refuses', 'cuts', 'hangs']));
  });
});
