import { describe, expect, it } from '@jest/globals';
import { createBatcher } from './batcher.ts';

interface Call {
  readonly items: readonly number[];
  answer(values?: readonly string[]): void;
  fail(error: Error): void;
}

function setup({ maxItems = 500, maxBytes = 1000, sizeOf = (_item: number): number => 1 } = {}) {
  const calls: Call[] = [];
  let told = Promise.withResolvers<void>();
  const batcher = createBatcher<number, string>({
    maxItems,
    maxBytes,
    sizeOf,
    send: (items) => {
      const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
      calls.push({
        items,
        answer: (values = items.map((item) => `answer ${item}`)) => resolve(values),
        fail: reject,
      });
      told.resolve();
      told = Promise.withResolvers();
      return promise;
    },
  });
  /** The n-th call, once it was made. */
  const call = async (index: number): Promise<Call> => {
    while (calls.length <= index) await told.promise;
    return calls[index] as Call;
  };
  return { batcher, calls, call };
}

describe('a batcher', () => {
  it('sends at once when no call is in flight', async () => {
    const { batcher, call } = setup();
    const answer = batcher.add(1);
    (await call(0)).answer();
    expect(await answer).toBe('answer 1');
  });

  it('needs no timer to send: the turns of the promise queue are enough', async () => {
    const { batcher, calls } = setup();
    const answer = batcher.add(1);
    await Promise.resolve();
    await Promise.resolve();
    expect(calls).toHaveLength(1);
    calls[0]?.answer();
    await answer;
  });

  it('gathers while a call is in flight, and sends all of it afterwards in one call', async () => {
    const { batcher, call, calls } = setup();
    const first = batcher.add(1);
    await call(0);
    const others = [2, 3, 4].map((item) => batcher.add(item));
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toHaveLength(1);
    calls[0]?.answer();
    await first;
    const second = await call(1);
    expect(second.items).toEqual([2, 3, 4]);
    second.answer();
    expect(await Promise.all(others)).toEqual(['answer 2', 'answer 3', 'answer 4']);
  });

  it('never has two calls in flight', async () => {
    let inFlight = 0;
    let most = 0;
    const batcher = createBatcher<number, number>({
      maxItems: 7,
      maxBytes: 1000,
      sizeOf: () => 1,
      send: async (items) => {
        most = Math.max(most, (inFlight += 1));
        await new Promise((resolve) => setImmediate(resolve));
        inFlight -= 1;
        return items;
      },
    });
    const items = Array.from({ length: 500 }, (_value, index) => index);
    const answers = await Promise.all(
      items.map(async (item) => {
        for (let turns = item % 13; turns > 0; turns -= 1)
          await new Promise((resolve) => setImmediate(resolve));
        return batcher.add(item);
      }),
    );
    expect(answers).toEqual(items);
    expect(most).toBe(1);
    expect(batcher.pending).toBe(0);
  });

  it('puts at most so many items into a call', async () => {
    const { batcher, call } = setup({ maxItems: 3 });
    const answers = [1, 2, 3, 4, 5, 6, 7].map((item) => batcher.add(item));
    for (const index of [0, 1, 2]) (await call(index)).answer();
    await Promise.all(answers);
    const sizes = await Promise.all([0, 1, 2].map(async (index) => (await call(index)).items.length));
    expect(sizes).toEqual([3, 3, 1]);
  });

  it('puts at most so many bytes into a call, and lets a larger item travel alone', async () => {
    const { batcher, call } = setup({ maxBytes: 100, sizeOf: (item) => item });
    const answers = [60, 40, 1, 900, 99].map((item) => batcher.add(item));
    for (const index of [0, 1, 2, 3]) (await call(index)).answer();
    await Promise.all(answers);
    const batches = await Promise.all([0, 1, 2, 3].map(async (index) => (await call(index)).items));
    expect(batches).toEqual([[60, 40], [1], [900], [99]]);
  });

  it('gives each item its own answer', async () => {
    const { batcher, call } = setup();
    const answers = [1, 2].map((item) => batcher.add(item));
    (await call(0)).answer(['refused', 'granted']);
    expect(await Promise.all(answers)).toEqual(['refused', 'granted']);
  });

  it('rejects just the items of a call that failed, and goes on', async () => {
    const { batcher, call } = setup({ maxItems: 2 });
    const outcomes = Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)));
    (await call(0)).fail(new Error('no answer'));
    (await call(1)).answer();
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  });

  it('rejects the items when the number of answers is not theirs', async () => {
    const { batcher, call } = setup();
    const outcomes = Promise.allSettled([1, 2].map((item) => batcher.add(item)));
    (await call(0)).answer(['only one']);
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('counts the items that have no answer yet', async () => {
    const { batcher, call } = setup();
    const first = batcher.add(1);
    const going = await call(0);
    const second = batcher.add(2);
    expect(batcher.pending).toBe(2);
    going.answer();
    await first;
    (await call(1)).answer();
    await second;
    expect(batcher.pending).toBe(0);
  });

  it('takes an item that is added from the answer of another', async () => {
    const { batcher, call } = setup();
    const chained = batcher.add(1).then(() => batcher.add(2));
    (await call(0)).answer();
    (await call(1)).answer();
    expect(await chained).toBe('answer 2');
  });
});
