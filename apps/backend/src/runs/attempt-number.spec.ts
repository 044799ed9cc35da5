import { expect, it } from '@jest/globals';
import { attemptNumber, type Attempted } from './attempt-number.ts';

it.each<[string, Attempted, number]>([
  ['nobody has begun', { state: 'queued', attempts: 0 }, 1],
  ['runs again after a failure', { state: 'running', attempts: 1 }, 2],
  ['failed at once, whatever it was allowed', { state: 'failed', attempts: 1 }, 1],
  ['used up three attempts', { state: 'failed', attempts: 3 }, 3],
  ['failed with its execution before anybody began it', { state: 'failed', attempts: 0 }, 1],
  ['fanned out at its second attempt and failed later', { state: 'failed', attempts: 1, fannedOut: true }, 2],
  ['was cancelled after a failure', { state: 'cancelled', attempts: 1 }, 2],
  ['succeeded after two failures', { state: 'succeeded', attempts: 2 }, 3],
])('a run that %s', (_which, run, number) => expect(attemptNumber(run)).toBe(number));
