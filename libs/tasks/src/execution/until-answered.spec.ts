import { describe, expect, it } from '@jest/globals';
import { apiError } from '@longshore/contracts';
import type { CallSettings } from '@longshore/api-client';
import type { Session } from './session-link.ts';
import { sendUntilAnswered } from './until-answered.ts';

const session: Session = { id: 's', signal: new AbortController().signal, lapse: () => undefined };
const internal = () => apiError('internal_error', 'it went wrong');

/**
 * A backend that stumbles over some items, and over all of them until it was waited for; its client waits only when it may.
 * `calls` are the sizes of the batches, negative for those that were waited with.
 */
function setup({ bad = [] as number[], starting = false } = {}) {
  const calls: number[] = [];
  const given: number[] = [];
  let isUp = !starting;
  let served = false;
  const send = async (items: readonly number[], { patienceMs = 0 }: CallSettings) => {
    const isWaited = patienceMs > 0 && !served;
    calls.push(isWaited ? -items.length : items.length);
    if (isWaited) isUp = true;
    if (!isUp || items.some((item) => bad.includes(item))) throw internal();
    served = true;
    return items.map((item) => `answer ${item}`);
  };
  const failedAlone = async (item: number) => {
    given.push(item);
    return `failed ${item}`;
  };
  const run = (items: number[]) => sendUntilAnswered(items, session, { send, failedAlone });
  return { calls, given, run };
}

const items = Array.from({ length: 500 }, (_, item) => item);
const answersTo = (bad: number[]) =>
  items.map((item) => (bad.includes(item) ? `failed ${item}` : `answer ${item}`));

describe('a batch', () => {
  it('waits for a backend that starts, in few calls and with nothing given up', async () => {
    const { run, calls, given } = setup({ starting: true });
    expect(await run(items)).toEqual(answersTo([]));
    expect([calls, given]).toEqual([[500, 250, -250, 250], []]);
  });

  it('of one waits too', async () => {
    const { run, calls } = setup({ starting: true });
    expect(await run([7])).toEqual(['answer 7']);
    expect(calls).toEqual([-1]);
  });

  it.each([[[0]], [[499]], [[250]], [[0, 499]], [[1, 2, 3, 255, 256, 400]]])(
    'gives up just what the backend stumbles over: %j, and waits at most once',
    async (bad) => {
      const { run, calls, given } = setup({ bad });
      expect(await run(items)).toEqual(answersTo(bad));
      expect(given.sort((a, b) => a - b)).toEqual(bad);
      expect(calls.filter((size) => size < 0).length).toBeLessThanOrEqual(1);
      expect(calls.length).toBeLessThan(bad.length * 40);
    },
  );
});
