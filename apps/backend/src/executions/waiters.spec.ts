import { expect, it } from '@jest/globals';
import { createExecutionWaiters } from './waiters.ts';

const never = new AbortController().signal;

it('all who wait for an execution hear of its end, and nobody else', async () => {
  const told: string[] = [];
  const waiters = createExecutionWaiters((ids) => void told.push(...ids));
  const stop = new AbortController();
  const both = [waiters.wait('a', 60_000, never), waiters.wait('a', 60_000, never)];
  const other = waiters.wait('b', 60_000, stop.signal);
  expect(waiters.awaited()).toStrictEqual(['a', 'b']);
  waiters.ended(['a', 'c']);
  expect(await Promise.all(both)).toStrictEqual([true, true]);
  expect(waiters.awaited()).toStrictEqual(['b']);
  stop.abort();
  expect(await other).toBe(false);
  waiters.wake(['d']);
  expect(told).toStrictEqual(['a', 'c']);
});

it('a wait ends with its time or its signal, even one that has fired before, and leaves nothing behind', async () => {
  const waiters = createExecutionWaiters(() => undefined);
  expect(await waiters.wait('a', 1, never)).toBe(false);
  expect(await waiters.wait('a', 60_000, AbortSignal.abort())).toBe(false);
  expect(waiters.awaited()).toStrictEqual([]);
});
