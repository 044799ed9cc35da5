import { expect, it } from '@jest/globals';
import { createOutbox } from './outbox.ts';

it('an outbox sends at once, and what comes meanwhile together', async () => {
  const calls: string[][] = [];
  const gates: (() => void)[] = [];
  const outbox = createOutbox<string>((items) => {
    calls.push([...items]);
    return new Promise((resolve) => gates.push(resolve));
  });
  await outbox.empty();
  outbox.add(['a']);
  outbox.add(['b', 'c']);
  outbox.add(['d']);
  expect(calls).toEqual([['a']]);
  gates.shift()!();
  while (calls.length < 2) await Promise.resolve();
  expect(calls[1]).toEqual(['b', 'c', 'd']);
  const empty = outbox.empty();
  gates.shift()!();
  await empty;
  outbox.add(['e']);
  expect(calls[2]).toEqual(['e']);
  gates.shift()!();
  await outbox.empty();
});
